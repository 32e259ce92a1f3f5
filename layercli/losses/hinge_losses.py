"""Hinge losses. Targets are -1 and 1; a batch with only 0 and 1 is converted."""

from __future__ import annotations

from layercli.lazy import torch
from layercli.losses.alignment import broadcasting
from layercli.losses.loss import loss_class


@broadcasting
def hinge(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """mean(max(1 - y_true y_pred, 0)) over the last axis: (..., n) and (..., n) to (...)."""
    return shortfall(y_true, y_pred).mean(-1)


@broadcasting
def squared_hinge(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """mean(max(1 - y_true y_pred, 0)^2) over the last axis: (..., n) and (..., n) to (...)."""
    return shortfall(y_true, y_pred).square().mean(-1)


@broadcasting
def categorical_hinge(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0) over the last axis; y_true is one-hot (..., classes)."""
    return (((1 - y_true) * y_pred).amax(-1) - (y_true * y_pred).sum(-1) + 1).clamp_min(0)


def shortfall(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """Return max(1 - y_true y_pred, 0), with targets 0 and 1 converted to -1 and 1."""
    binary = ((y_true == 0) | (y_true == 1)).all()
    return (1 - torch.where(binary, 2 * y_true - 1, y_true) * y_pred).clamp_min(0)


Hinge = loss_class("Hinge", hinge)
SquaredHinge = loss_class("SquaredHinge", squared_hinge)
CategoricalHinge = loss_class("CategoricalHinge", categorical_hinge)
