"""Counts of the confusion matrix, precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.losses.reduction import divide_no_nan
from layercli.metrics.confusion_counts import NEG_INF, count, parse_thresholds
from layercli.metrics.metric import Metric


class ConfusionMetric(Metric):
    """Base of the metrics of confusion counts at ``thresholds``.

    ``confusion_counts``: the counts of the state, by their names in Counts; ``stored``: another name for the one count of the
    state.
    """

    confusion_counts: ClassVar[tuple[str, ...]]
    stored: ClassVar[str | None] = None

    thresholds: float | Sequence[float] | None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.levels = parse_thresholds(self.thresholds, self.default_threshold())
        self.init_thresholds, self.thresholds = self.thresholds, self.levels
        self.ranks = sorted(range(len(self.levels)), key=self.levels.__getitem__)

    def argument(self, name: str) -> Any:
        """Return the argument of that name; ``thresholds`` itself holds those that are used."""
        return self.init_thresholds if name == "thresholds" else super().argument(name)

    def default_threshold(self) -> float:
        """Return the threshold used for None."""
        return 0.5

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the counts: one number per threshold."""
        return {self.stored or cell: (len(self.levels),) for cell in self.confusion_counts}

    def options(self) -> dict[str, Any]:
        """Return further arguments of ``count``."""
        return {}

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Add a batch. ``sample_weight``: one weight per sample, or of the targets' shape."""
        levels = [self.levels[rank] for rank in self.ranks]
        counts = count(y_true, y_pred, levels, sample_weight=sample_weight, **self.options())
        back = [self.ranks.index(i) for i in range(len(self.ranks))]
        for cell in self.confusion_counts:
            self.add(self.stored or cell, getattr(counts, cell)[back])

    def unwrap(self, values: torch.Tensor) -> torch.Tensor:
        """Return the result: a number for one threshold, else one per threshold."""
        return self.finish(values[0] if len(self.levels) == 1 else values)


@dataclass(eq=False, repr=False)
class CountMetric(ConfusionMetric):
    """Base of the metrics of one cell of the confusion matrix."""

    stored = "accumulator"

    thresholds: float | Sequence[float] | None = None
    name: str | None = None
    dtype: str | None = None

    def result(self) -> torch.Tensor:
        """Return the sum of weights so far at each threshold."""
        return self.unwrap(self.state["accumulator"])


class TruePositives(CountMetric):
    """The sum of the weights of samples with a prediction above the threshold and a positive target.

    Arguments:
        thresholds: one threshold in [0, 1] or several, 0.5 by default.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    confusion_counts = ("true_positives",)


class FalsePositives(CountMetric):
    """The sum of the weights of samples with a prediction above the threshold and a negative target.

    Arguments:
        thresholds: one threshold in [0, 1] or several, 0.5 by default.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    confusion_counts = ("false_positives",)


class TrueNegatives(CountMetric):
    """The sum of the weights of samples with a prediction not above the threshold and a negative target.

    Arguments:
        thresholds: one threshold in [0, 1] or several, 0.5 by default.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    confusion_counts = ("true_negatives",)


class FalseNegatives(CountMetric):
    """The sum of the weights of samples with a prediction not above the threshold and a positive target.

    Arguments:
        thresholds: one threshold in [0, 1] or several, 0.5 by default.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    confusion_counts = ("false_negatives",)


@dataclass(eq=False, repr=False)
class RatioMetric(ConfusionMetric):
    """Base of precision and recall: the true positives as a fraction of the two ``confusion_counts``."""

    thresholds: float | Sequence[float] | None = None
    top_k: int | None = None
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None

    def default_threshold(self) -> float:
        """Return the threshold used for None: none at all with ``top_k``."""
        return 0.5 if self.top_k is None else NEG_INF

    def options(self) -> dict[str, object]:
        """Return further arguments of ``count``."""
        return {"top_k": self.top_k, "class_id": self.class_id}

    def result(self) -> torch.Tensor:
        """Return the fraction so far at each threshold, 0 without any sample."""
        right, other = (self.state[cell] for cell in self.confusion_counts)
        return self.unwrap(divide_no_nan(right, right + other))


class Precision(RatioMetric):
    """true_positives / (true_positives + false_positives).

    Arguments:
        thresholds: one threshold in [0, 1] or several, 0.5 by default.
        top_k: count only the k largest predictions of each row, as positive unless ``thresholds`` are given.
        class_id: count only the column of this class.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    confusion_counts = ("true_positives", "false_positives")


class Recall(RatioMetric):
    """true_positives / (true_positives + false_negatives).

    Arguments:
        thresholds: one threshold in [0, 1] or several, 0.5 by default.
        top_k: count only the k largest predictions of each row, as positive unless ``thresholds`` are given.
        class_id: count only the column of this class.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    confusion_counts = ("true_positives", "false_negatives")
