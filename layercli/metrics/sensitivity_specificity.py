"""The maximum of one rate subject to a lower bound of another."""

from __future__ import annotations

from typing import ClassVar

from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.losses.reduction import divide_no_nan
from layercli.metrics.confusion_counts import Counts, count, evenly
from layercli.metrics.metric import Metric


class SensitivitySpecificityBase(Metric):
    """Base: the maximum of the rate ``best`` over the thresholds at which the rate ``constrained`` reaches its bound.

    The result is 0 where no threshold reaches it.
    """

    best: ClassVar[str]
    constrained: ClassVar[str]

    num_thresholds: int
    class_id: int | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_thresholds <= 0:
            raise UsageError(f"num_thresholds must be an integer of at least 1, got {self.num_thresholds}")
        if not 0 <= getattr(self, self.constrained) <= 1:
            raise UsageError(f"{self.constrained} must be a number from 0 to 1, got {getattr(self, self.constrained)}")

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, evenly spaced in [0, 1]."""
        return evenly(self.num_thresholds)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the confusion counts at each threshold."""
        return dict.fromkeys(Counts._fields, (self.num_thresholds,))

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Add a batch. ``sample_weight``: one weight per sample, or of the targets' shape."""
        counts = count(y_true, y_pred, self.thresholds, sample_weight=sample_weight, class_id=self.class_id)
        for cell, value in counts._asdict().items():
            self.add(cell, value)

    def result(self) -> torch.Tensor:
        """Return the maximum so far."""
        counts = Counts(**self.state)
        reached = rate(self.constrained, counts) >= getattr(self, self.constrained)
        return self.finish(torch.where(reached, rate(self.best, counts), 0).amax())


def rate(name: str, counts: Counts) -> torch.Tensor:
    """Return precision, recall (or sensitivity) or specificity at each threshold, 0 without any sample."""
    right, wrong = {
        "precision": (counts.true_positives, counts.false_positives),
        "recall": (counts.true_positives, counts.false_negatives),
        "sensitivity": (counts.true_positives, counts.false_negatives),
        "specificity": (counts.true_negatives, counts.false_positives),
    }[name]
    return divide_no_nan(right, right + wrong)


@dataclass(eq=False, repr=False)
class PrecisionAtRecall(SensitivitySpecificityBase):
    """The maximum precision over the thresholds with a recall of at least ``recall``; 0 without such a threshold.

    Arguments:
        recall: the least recall, in [0, 1].
        num_thresholds: the number of evenly spaced thresholds in [0, 1].
        class_id: count only the column of this class.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    best, constrained = "precision", "recall"

    recall: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None


@dataclass(eq=False, repr=False)
class RecallAtPrecision(SensitivitySpecificityBase):
    """The maximum recall over the thresholds with a precision of at least ``precision``; 0 without such a threshold.

    Arguments:
        precision: the least precision, in [0, 1].
        num_thresholds: the number of evenly spaced thresholds in [0, 1].
        class_id: count only the column of this class.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    best, constrained = "recall", "precision"

    precision: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None


@dataclass(eq=False, repr=False)
class SensitivityAtSpecificity(SensitivitySpecificityBase):
    """The maximum sensitivity over the thresholds with a specificity of at least ``specificity``; 0 without such a
    threshold.

    Arguments:
        specificity: the least specificity, in [0, 1].
        num_thresholds: the number of evenly spaced thresholds in [0, 1].
        class_id: count only the column of this class.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    best, constrained = "sensitivity", "specificity"

    specificity: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None


@dataclass(eq=False, repr=False)
class SpecificityAtSensitivity(SensitivitySpecificityBase):
    """The maximum specificity over the thresholds with a sensitivity of at least ``sensitivity``; 0 without such a
    threshold.

    Arguments:
        sensitivity: the least sensitivity, in [0, 1].
        num_thresholds: the number of evenly spaced thresholds in [0, 1].
        class_id: count only the column of this class.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    best, constrained = "specificity", "sensitivity"

    sensitivity: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None
