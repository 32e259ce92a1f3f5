"""The best of one rate while another is held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.losses.reduction import divide_no_nan
from layercli.metrics.confusion_counts import Counts, count, evenly
from layercli.metrics.metric import Metric


class SensitivitySpecificityBase(Metric):
    """The largest rate ``best`` over ``num_thresholds`` thresholds at which the rate ``held`` is at least its setting.

    0 where no threshold reaches it. ``class_id`` looks at the column of one class.
    """

    best: ClassVar[str]
    held: ClassVar[str]

    num_thresholds: int
    class_id: int | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_thresholds <= 0:
            raise UsageError(f"num_thresholds is an integer from 1 up, got {self.num_thresholds}")
        if not 0 <= getattr(self, self.held) <= 1:
            raise UsageError(f"{self.held} is a number from 0 to 1, got {getattr(self, self.held)}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return one sum for each threshold in each cell of the confusion matrix."""
        return dict.fromkeys(Counts._fields, (self.num_thresholds,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; weights are one for each sample or of the shape of the targets."""
        levels = evenly(self.num_thresholds)
        counts = count(y_true, y_pred, levels, sample_weight=sample_weight, class_id=self.class_id)
        for cell, value in counts._asdict().items():
            self.add(cell, value)

    def result(self) -> torch.Tensor:
        """Return the best rate so far."""
        counts = Counts(**self.state)
        reached = rate(self.held, counts) >= getattr(self, self.held)
        return self.finish(torch.where(reached, rate(self.best, counts), 0).amax())


def rate(name: str, counts: Counts) -> torch.Tensor:
    """Return precision, recall (also called sensitivity) or specificity at each threshold, 0 of nothing."""
    right, wrong = {
        "precision": (counts.true_positives, counts.false_positives),
        "recall": (counts.true_positives, counts.false_negatives),
        "sensitivity": (counts.true_positives, counts.false_negatives),
        "specificity": (counts.true_negatives, counts.false_positives),
    }[name]
    return divide_no_nan(right, right + wrong)


@dataclass(eq=False)
class PrecisionAtRecall(SensitivitySpecificityBase):
    """The largest precision over ``num_thresholds`` thresholds at which recall is at least ``recall``.

    0 where no threshold reaches it. ``class_id`` looks at the column of one class.
    """

    best, held = "precision", "recall"

    recall: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None


@dataclass(eq=False)
class RecallAtPrecision(SensitivitySpecificityBase):
    """The largest recall over ``num_thresholds`` thresholds at which precision is at least ``precision``.

    0 where no threshold reaches it. ``class_id`` looks at the column of one class.
    """

    best, held = "recall", "precision"

    precision: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None


@dataclass(eq=False)
class SensitivityAtSpecificity(SensitivitySpecificityBase):
    """The largest sensitivity over ``num_thresholds`` thresholds at which specificity is at least ``specificity``.

    0 where no threshold reaches it. ``class_id`` looks at the column of one class.
    """

    best, held = "sensitivity", "specificity"

    specificity: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None


@dataclass(eq=False)
class SpecificityAtSensitivity(SensitivitySpecificityBase):
    """The largest specificity over ``num_thresholds`` thresholds at which sensitivity is at least ``sensitivity``.

    0 where no threshold reaches it. ``class_id`` looks at the column of one class.
    """

    best, held = "specificity", "sensitivity"

    sensitivity: float
    num_thresholds: int = 200
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None
