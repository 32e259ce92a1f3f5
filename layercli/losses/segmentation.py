"""Overlap losses for segmentation: Dice and Tversky."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.lazy import torch
from layercli.losses.alignment import broadcasting
from layercli.losses.loss import loss_class

EPSILON = 1e-7
Axes = int | Sequence[int] | None


@broadcasting
def dice(y_true: torch.Tensor, y_pred: torch.Tensor, axis: Axes = None) -> torch.Tensor:
    """1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred)) over ``axis``; None is all axes, the batch included."""
    return 1 - 2 * total(y_true * y_pred, axis) / (total(y_true, axis) + total(y_pred, axis) + EPSILON)


@broadcasting
def tversky(
    y_true: torch.Tensor, y_pred: torch.Tensor, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> torch.Tensor:
    """1 - TP / (TP + alpha FN + beta FP), each summed over ``axis``; None is all axes, the batch included.

    TP = y_true y_pred, FN = y_true (1 - y_pred), FP = y_pred (1 - y_true). Reference: Salehi et al., 2017,
    arXiv:1706.05721.
    """
    both = total(y_true * y_pred, axis)
    only_true = total(y_true * (1 - y_pred), axis)
    only_pred = total(y_pred * (1 - y_true), axis)
    return 1 - both / (both + only_true * alpha + only_pred * beta + EPSILON)


def total(values: torch.Tensor, axis: Axes) -> torch.Tensor:
    """Return the sum over ``axis``: one axis, several, or None for all."""
    return values.sum() if axis is None else values.sum(axis if isinstance(axis, int) else tuple(axis))


Dice = loss_class("Dice", dice, order="reduction name axis dtype")
Tversky = loss_class("Tversky", tversky, order="alpha beta reduction name axis dtype")
