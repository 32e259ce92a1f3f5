"""Alignment of the shapes, dtypes and devices of targets and predictions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.lazy import torch

Settings = ParamSpec("Settings")
PerSample = Callable[Concatenate[Any, Any, Settings], "torch.Tensor"]
Formula = Callable[Concatenate["torch.Tensor", "torch.Tensor", Settings], "torch.Tensor"]


def align_ranks(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``a`` and ``b`` with equal ranks where they differ by a last axis of size 1 only.

    A vector gains the axis; a tensor of higher rank loses it.
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b.unsqueeze(-1)) if b.ndim == 1 else (a.squeeze(-1), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a.unsqueeze(-1), b) if a.ndim == 1 else (a, b.squeeze(-1))
    return a, b


def alike(y_true: Tensor, y_pred: torch.Tensor) -> bool:
    """Return whether ``y_true`` is a tensor with the shape, dtype and device of ``y_pred``."""
    if not isinstance(y_true, torch.Tensor) or y_true.shape != y_pred.shape:
        return False
    return y_true.dtype is y_pred.dtype and y_true.device == y_pred.device


def tensor(value: object) -> torch.Tensor:
    """Return ``value`` as a floating tensor: floating tensors unchanged, float64 arrays and lists as float32."""
    if isinstance(value, torch.Tensor):
        return value if value.is_floating_point() else value.float()
    made = torch.as_tensor(value)
    return made if made.is_floating_point() and made.dtype != torch.float64 else made.float()


def pairwise(function: Formula[Settings]) -> PerSample[Settings]:
    """Return a loss function of tensors, arrays or lists from a formula of two tensors of one shape and dtype."""
    return _paired(function, broadcasts=False)


def broadcasting(function: Formula[Settings]) -> PerSample[Settings]:
    """Return what ``pairwise`` returns, but the shapes need only broadcast, as in Keras; the formula gets both as they are."""
    return _paired(function, broadcasts=True)


def _paired(function: Formula[Settings], *, broadcasts: bool) -> PerSample[Settings]:
    @wraps(function)
    def loss(y_true: Tensor, y_pred: Tensor, *args: Settings.args, **settings: Settings.kwargs) -> torch.Tensor:
        y_pred = tensor(y_pred)
        y_true = torch.as_tensor(y_true, dtype=y_pred.dtype, device=y_pred.device)
        if y_true.shape != y_pred.shape:
            y_true, y_pred = align_ranks(y_true, y_pred)
            if not (broadcasts and may_broadcast(y_true, y_pred)):
                require_same_shape(function.__name__, y_true, y_pred)
        return function(y_true, y_pred, *args, **settings)

    return loss  # type: ignore[return-value]  # ParamSpec cannot say that y_true and y_pred may be named


def may_broadcast(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Return whether two tensors broadcast."""
    return all(1 in (m, n) or m == n for m, n in zip(a.shape[::-1], b.shape[::-1], strict=False))


def with_class_ids(function: Formula[Settings]) -> PerSample[Settings]:
    """Return a loss function of tensors, arrays or lists from a formula of int64 class ids and floating predictions."""

    @wraps(function)
    def loss(y_true: Tensor, y_pred: Tensor, *args: Settings.args, **settings: Settings.kwargs) -> torch.Tensor:
        y_pred = tensor(y_pred)
        y_true = torch.as_tensor(y_true, device=y_pred.device).long()
        return function(y_true, y_pred, *args, **settings)

    return loss  # type: ignore[return-value]  # ParamSpec cannot say that y_true and y_pred may be named


def require_same_shape(name: str, y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
    """Raise ShapeError where the shapes of ``y_true`` and ``y_pred`` differ."""
    if y_true.shape != y_pred.shape:
        true, pred = tuple(y_true.shape), tuple(y_pred.shape)
        hint = None
        if len(true) < len(pred):
            hint = "for targets that are class numbers, use sparse_categorical_crossentropy"
        raise ShapeError(f"{name} expects y_true and y_pred of one shape, got {true} and {pred}", hint=hint)


def kind_of_labels(y_true: Tensor, y_pred: Tensor) -> str:
    """Return ``binary``, ``ids`` or ``one-hot``: the kind of targets, by their shape and that of the predictions."""
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if pred[-1:] == (1,):
        return "binary"
    if len(true) < len(pred) or (true[-1:] == (1,) and pred[-1] > 1):
        return "ids"
    return "one-hot"
