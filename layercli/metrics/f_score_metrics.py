"""F-scores: the weighted harmonic mean of precision and recall."""

from __future__ import annotations

from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.losses.alignment import require_same_shape, tensor
from layercli.metrics.metric import Metric

AVERAGES = (None, "micro", "macro", "weighted")
EPSILON = 1e-7
CELLS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FScore(Metric):
    """Base of the F-scores: (1 + beta^2) precision recall / (beta^2 precision + recall), per class."""

    average: str | None
    threshold: float | None

    beta = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average not in AVERAGES:
            raise UsageError(f"average must be one of {', '.join(map(str, AVERAGES))}, got {self.average!r}")
        if self.beta <= 0:
            raise UsageError(f"beta must be greater than 0, got {self.beta}")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise UsageError(f"threshold must be greater than 0 and at most 1, got {self.threshold}")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Add a batch of targets and predictions (batch, classes), with one weight per sample."""
        y_pred = tensor(y_pred).detach()
        y_true = torch.as_tensor(y_true, dtype=y_pred.dtype, device=y_pred.device)
        require_same_shape(str(self.name), y_true, y_pred)
        if y_pred.ndim != 2:
            raise ShapeError(f"{self.name} expects y_pred of shape (batch, classes), got {tuple(y_pred.shape)}")
        chosen = self.chosen(y_pred).double()
        y_true = y_true.double()
        weight = torch.as_tensor(1.0 if sample_weight is None else sample_weight, device=y_pred.device).double()
        weight = weight.reshape(-1, 1)
        sums = (chosen * y_true, chosen * (1 - y_true), (1 - chosen) * y_true, y_true)
        for name, values in zip(CELLS, sums, strict=True):
            total = (values * weight).sum() if self.average == "micro" else (values * weight).sum(0)
            self.grow({name: tuple(total.shape)})
            self.add(name, total)

    def chosen(self, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a boolean for each prediction: whether its class is predicted."""
        if self.threshold is not None:
            return y_pred > self.threshold
        return (y_pred >= y_pred.amax(-1, keepdim=True)) & (y_pred.abs() > 1e-9)

    def result(self) -> torch.Tensor:
        """Return the score so far."""
        if not self.state:
            return self.finish(torch.zeros(()))
        right, extra, missed, present = (self.state[name] for name in CELLS)
        precision, recall = right / (right + extra + EPSILON), right / (right + missed + EPSILON)
        scores = (1 + self.beta**2) * precision * recall / (self.beta**2 * precision + recall + EPSILON)
        if self.average == "weighted":
            scores = (scores * present / (present.sum() + EPSILON)).sum()
        elif self.average is not None:
            scores = scores.mean()
        return self.finish(scores)


@dataclass(eq=False, repr=False)
class F1Score(FScore):
    """2 precision recall / (precision + recall), for targets and predictions (batch, classes).

    Arguments:
        average: None for one score per class, macro for their mean, weighted for their mean by frequency, micro for the score of
            all classes together.
        threshold: the value in (0, 1] above which a class is predicted; None predicts the largest of each row.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    average: str | None = None
    threshold: float | None = None
    name: str | None = "f1_score"
    dtype: str | None = None


@dataclass(eq=False, repr=False)
class FBetaScore(FScore):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), for targets and predictions (batch, classes).

    Arguments:
        average: None for one score per class, macro for their mean, weighted for their mean by frequency, micro for the score of
            all classes together.
        beta: the weight of recall, greater than 0.
        threshold: the value in (0, 1] above which a class is predicted; None predicts the largest of each row.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    average: str | None = None
    beta: float = 1.0
    threshold: float | None = None
    name: str | None = "fbeta_score"
    dtype: str | None = None
