"""Kullback-Leibler divergence and Poisson loss."""

from __future__ import annotations

from layercli.lazy import torch
from layercli.losses.alignment import broadcasting
from layercli.losses.loss import loss_class

EPSILON = 1e-7


@broadcasting
def kl_divergence(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """sum(y_true log(y_true / y_pred)) over the last axis, with probabilities clipped to [1e-7, 1]: (..., n) to (...)."""
    true, pred = y_true.clamp(EPSILON, 1), y_pred.clamp(EPSILON, 1)
    return (true * (true / pred).log()).sum(-1)


@broadcasting
def poisson(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """mean(y_pred - y_true log(y_pred + 1e-7)) over the last axis, for counts y_true and Poisson rates y_pred: (..., n)
    to (...).
    """
    return (y_pred - y_true * (y_pred + EPSILON).log()).mean(-1)


KLDivergence = loss_class("KLDivergence", kl_divergence)
Poisson = loss_class("Poisson", poisson)
