"""Focal crossentropy, which reduces the weight of well-predicted samples. Reference: Lin et al., 2017,
arXiv:1708.02002.
"""

from __future__ import annotations

from layercli.lazy import torch
from layercli.losses.alignment import broadcasting, pairwise
from layercli.losses.crossentropy import smooth
from layercli.losses.loss import loss_class
from layercli.ops.nn.losses import EPSILON, of_probabilities


@pairwise
def binary_focal_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """mean((1 - p_t)^gamma * crossentropy) over ``axis``, with p_t the predicted probability of the target.

    ``apply_class_balancing`` weights class 1 by ``alpha`` and class 0 by 1 - alpha. Otherwise as
    ``binary_crossentropy``.
    """
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = y_pred.sigmoid()
    values = of_probabilities(y_true, y_pred, "none")
    right = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    values = (1 - right) ** gamma * values
    if apply_class_balancing:
        values = values * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return values.mean(axis)


@broadcasting
def categorical_focal_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """-sum(alpha (1 - p)^gamma y_true log(p)) over the classes, ``axis``; otherwise as ``categorical_crossentropy``."""
    if label_smoothing:
        y_true = smooth(y_true, label_smoothing)
    if from_logits:
        y_pred = y_pred.softmax(axis)
    p = (y_pred / y_pred.sum(axis, keepdim=True)).clamp(EPSILON, 1 - EPSILON)
    return (-alpha * (1 - p) ** gamma * y_true * p.log()).sum(axis)


BinaryFocalCrossentropy = loss_class("BinaryFocalCrossentropy", binary_focal_crossentropy)
CategoricalFocalCrossentropy = loss_class("CategoricalFocalCrossentropy", categorical_focal_crossentropy)
