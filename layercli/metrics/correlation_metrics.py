"""Pearson and concordance correlation."""

from __future__ import annotations

from layercli.lazy import torch
from layercli.losses.alignment import pairwise
from layercli.metrics.reduction_metrics import mean_class

EPSILON = 1e-7


@pairwise
def pearson_correlation(y_true: torch.Tensor, y_pred: torch.Tensor, axis: int = -1) -> torch.Tensor:
    """mean((y_true - mean(y_true)) (y_pred - mean(y_pred))) / (std(y_true) std(y_pred)) along ``axis``."""
    scaled = [(y - y.mean(axis, keepdim=True)) / y.std(axis, correction=0, keepdim=True) for y in (y_true, y_pred)]
    return (scaled[0] * scaled[1]).mean(axis)


@pairwise
def concordance_correlation(y_true: torch.Tensor, y_pred: torch.Tensor, axis: int = -1) -> torch.Tensor:
    """2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))^2 + 1e-7) along ``axis``.

    Reference: Lin, 1989, Biometrics 45. The covariance is mean((y_true - m) (y_pred - m)) with m = mean(y_pred), as in
    Keras.
    """
    m, true_mean = y_pred.mean(axis, keepdim=True), y_true.mean(axis, keepdim=True)
    spread = y_true.var(axis, correction=0, keepdim=True) + y_pred.var(axis, correction=0, keepdim=True)
    return (2 * (y_true - m) * (y_pred - m) / (spread + (true_mean - m).square() + EPSILON)).mean(axis)


PearsonCorrelation = mean_class("PearsonCorrelation", pearson_correlation, __name__, "name dtype axis")
ConcordanceCorrelation = mean_class("ConcordanceCorrelation", concordance_correlation, __name__, "name dtype axis")
