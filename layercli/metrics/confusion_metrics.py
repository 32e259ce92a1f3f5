"""Counts of the confusion matrix, precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from layercli.lazy import torch
from layercli.losses.reduction import divide_no_nan
from layercli.metrics.confusion_counts import NEG_INF, count, parse_thresholds
from layercli.metrics.metric import Metric


class ConfusionMetric(Metric):
    """A metric of confusion-matrix cells at each of ``thresholds``, one, several or the default; ``cells`` names them
    as they are in Counts, and as the state is unless ``stored`` says otherwise.
    """

    cells: ClassVar[tuple[str, ...]]
    stored: ClassVar[str | None] = None

    thresholds: float | Sequence[float] | None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.levels = parse_thresholds(self.thresholds, self.default_threshold())
        self.ranks = sorted(range(len(self.levels)), key=self.levels.__getitem__)

    def default_threshold(self) -> float:
        """Return the threshold for when none is given."""
        return 0.5

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return one sum for each threshold in each cell."""
        return {self.stored or cell: (len(self.levels),) for cell in self.cells}

    def options(self) -> dict[str, Any]:
        """Return how samples are counted: settings of ``count``."""
        return {}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch; weights are one for each sample or of the shape of the targets."""
        levels = [self.levels[rank] for rank in self.ranks]
        counts = count(y_true, y_pred, levels, sample_weight=sample_weight, **self.options())
        back = [self.ranks.index(i) for i in range(len(self.ranks))]
        for cell in self.cells:
            self.add(self.stored or cell, getattr(counts, cell)[back])

    def unwrap(self, values: torch.Tensor) -> torch.Tensor:
        """Return the result: one number for one threshold, else one for each."""
        return self.finish(values[0] if len(self.levels) == 1 else values)


@dataclass(eq=False)
class CountMetric(ConfusionMetric):
    """The sum of the weights in one cell."""

    stored = "accumulator"

    thresholds: float | Sequence[float] | None = None
    name: str | None = None
    dtype: str | None = None

    def result(self) -> torch.Tensor:
        """Return the sum so far at each threshold."""
        return self.unwrap(self.state["accumulator"])


class TruePositives(CountMetric):
    """How many samples were predicted over the threshold and are positive."""

    cells = ("true_positives",)


class FalsePositives(CountMetric):
    """How many samples were predicted over the threshold and are not positive."""

    cells = ("false_positives",)


class TrueNegatives(CountMetric):
    """How many samples were not predicted over the threshold and are not positive."""

    cells = ("true_negatives",)


class FalseNegatives(CountMetric):
    """How many samples were not predicted over the threshold and are positive."""

    cells = ("false_negatives",)


@dataclass(eq=False)
class RatioMetric(ConfusionMetric):
    """The share of true positives in the two ``cells``.

    ``top_k`` counts only the k largest predictions of a row, each as positive unless ``thresholds`` say otherwise;
    ``class_id`` looks at the column of one class.
    """

    thresholds: float | Sequence[float] | None = None
    top_k: int | None = None
    class_id: int | None = None
    name: str | None = None
    dtype: str | None = None

    def default_threshold(self) -> float:
        """Return the threshold for when none is given."""
        return 0.5 if self.top_k is None else NEG_INF

    def options(self) -> dict[str, Any]:
        """Return how samples are counted."""
        return {"top_k": self.top_k, "class_id": self.class_id}

    def result(self) -> torch.Tensor:
        """Return the share so far at each threshold, 0 of nothing."""
        right, other = (self.state[cell] for cell in self.cells)
        return self.unwrap(divide_no_nan(right, right + other))


class Precision(RatioMetric):
    """``true_positives / (true_positives + false_positives)`` at each of ``thresholds`` (0.5).

    ``top_k`` counts only the k largest predictions of a row, each as positive unless ``thresholds`` say otherwise;
    ``class_id`` looks at the column of one class.
    """

    cells = ("true_positives", "false_positives")


class Recall(RatioMetric):
    """``true_positives / (true_positives + false_negatives)`` at each of ``thresholds`` (0.5).

    ``top_k`` counts only the k largest predictions of a row, each as positive unless ``thresholds`` say otherwise;
    ``class_id`` looks at the column of one class.
    """

    cells = ("true_positives", "false_negatives")
