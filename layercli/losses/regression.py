"""Regression losses."""

from __future__ import annotations

import math

from layercli.core.types import Tensor
from layercli.lazy import F, torch
from layercli.losses.alignment import alike, broadcasting
from layercli.losses.loss import loss_class

EPSILON = 1e-7


@broadcasting
def mean_squared_error(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """mean((y_true - y_pred)^2) over the last axis: (..., n) and (..., n) to (...)."""
    return (y_true - y_pred).square().mean(-1)


@broadcasting
def mean_absolute_error(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """mean(|y_true - y_pred|) over the last axis: (..., n) and (..., n) to (...)."""
    return (y_true - y_pred).abs().mean(-1)


@broadcasting
def mean_absolute_percentage_error(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """100 mean(|y_true - y_pred| / max(|y_true|, 1e-7)) over the last axis: (..., n) to (...), in percent."""
    return 100 * ((y_true - y_pred) / y_true.abs().clamp_min(EPSILON)).abs().mean(-1)


@broadcasting
def mean_squared_logarithmic_error(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """mean((log(1 + y_true) - log(1 + y_pred))^2) over the last axis, with values of at least 1e-7: (..., n) to (...)."""
    true, pred = ((y.clamp_min(EPSILON) + 1).log() for y in (y_true, y_pred))
    return (pred - true).square().mean(-1)


@broadcasting
def huber(y_true: torch.Tensor, y_pred: torch.Tensor, delta: float = 1.0) -> torch.Tensor:
    """Mean over the last axis of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2, for e = y_true - y_pred."""
    if y_true.shape != y_pred.shape:  # F.huber_loss warns of what it broadcasts itself
        y_true, y_pred = torch.broadcast_tensors(y_true, y_pred)  # type: ignore[no-untyped-call]  # torch has no types there
    return F.huber_loss(y_pred, y_true, reduction="none", delta=delta).mean(-1)


@broadcasting
def log_cosh(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """mean(log(cosh(y_pred - y_true))) over the last axis: (..., n) and (..., n) to (...)."""
    error = y_pred - y_true
    return (error + F.softplus(-2 * error) - math.log(2)).mean(-1)


@broadcasting
def cosine_similarity(y_true: torch.Tensor, y_pred: torch.Tensor, axis: int = -1) -> torch.Tensor:
    """-cos(angle between y_true and y_pred) along ``axis``: -1 for the same direction, 1 for opposite directions."""
    return -cosine(y_true, y_pred, axis)


def whole_squared_error(y_true: Tensor, y_pred: torch.Tensor) -> torch.Tensor | None:
    """Return the mean of ``mean_squared_error`` over all samples for equal shapes and dtypes, else None."""
    return F.mse_loss(y_pred, y_true) if alike(y_true, y_pred) else None


def whole_absolute_error(y_true: Tensor, y_pred: torch.Tensor) -> torch.Tensor | None:
    """Return the mean of ``mean_absolute_error`` over all samples for equal shapes and dtypes, else None."""
    return F.l1_loss(y_pred, y_true) if alike(y_true, y_pred) else None


def cosine(a: torch.Tensor, b: torch.Tensor, axis: int) -> torch.Tensor:
    """Return cos(angle between a and b) along ``axis``; 0 where either is 0."""
    return (F.normalize(a, dim=axis, eps=EPSILON) * F.normalize(b, dim=axis, eps=EPSILON)).sum(axis)


MeanSquaredError = loss_class("MeanSquaredError", mean_squared_error, mean=whole_squared_error)
MeanAbsoluteError = loss_class("MeanAbsoluteError", mean_absolute_error, mean=whole_absolute_error)
MeanAbsolutePercentageError = loss_class("MeanAbsolutePercentageError", mean_absolute_percentage_error)
MeanSquaredLogarithmicError = loss_class("MeanSquaredLogarithmicError", mean_squared_logarithmic_error)
Huber = loss_class("Huber", huber, default_name="huber_loss")
LogCosh = loss_class("LogCosh", log_cosh)
CosineSimilarity = loss_class("CosineSimilarity", cosine_similarity)
