"""The area under the ROC or precision-recall curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.core.types import Config, Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.losses.alignment import tensor
from layercli.losses.reduction import divide_no_nan
from layercli.metrics.confusion_counts import Counts, count, evenly
from layercli.metrics.metric import Metric
from layercli.metrics.sensitivity_specificity import rate

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS = ("interpolation", "minoring", "majoring")
EPSILON = 1e-7


@dataclass(eq=False, repr=False)
class AUC(Metric):
    """The area under a curve of rates at many thresholds, by a Riemann sum.

    Arguments:
        num_thresholds: the number of evenly spaced thresholds in [0, 1], at least 2.
        curve: ROC (recall over false positive rate), PR (precision over recall), or PRGAIN (their gains).
        summation_method: the height between two points is their mean (interpolation; for PR as Davis and Goadrich, 2006), their
            minimum (minoring) or their maximum (majoring).
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
        thresholds: thresholds in [0, 1] to use instead of ``num_thresholds``.
        multi_label: whether to average the areas of the columns of (batch, labels).
        num_labels: the number of labels, to create the state before the first batch.
        label_weights: weights of the labels, in the average for ``multi_label``, else of the columns of each sample.
        from_logits: whether to apply a sigmoid to the predictions.
    """

    num_thresholds: int = 200
    curve: str = "ROC"
    summation_method: str = "interpolation"
    name: str | None = None
    dtype: str | None = None
    thresholds: Sequence[float] | None = None
    multi_label: bool = False
    num_labels: int | None = None
    label_weights: Sequence[float] | None = None
    from_logits: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.curve = one_of("curve", self.curve, CURVES)
        self.summation_method = one_of("summation_method", self.summation_method, SUMMATIONS)
        if self.thresholds is None and self.num_thresholds < 2:
            raise UsageError(f"num_thresholds must be an integer of at least 2, got {self.num_thresholds}")
        if self.num_labels and not self.multi_label:
            raise UsageError("num_labels requires multi_label=True")
        inner = evenly(self.num_thresholds)[1:-1] if self.thresholds is None else sorted(self.thresholds)
        self.levels = [-EPSILON, *inner, 1 + EPSILON]
        self.num_thresholds = len(self.levels)
        self.init_thresholds, self.thresholds = self.thresholds, self.levels

    def argument(self, name: str) -> Any:
        """Return the argument of that name; ``thresholds`` itself holds those that are used."""
        return self.init_thresholds if name == "thresholds" else super().argument(name)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the confusion counts at each threshold."""
        if not self.multi_label:
            return dict.fromkeys(Counts._fields, (len(self.levels),))
        return dict.fromkeys(Counts._fields, (len(self.levels), self.num_labels)) if self.num_labels else {}

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Add a batch. ``sample_weight``: one weight per sample, or of the targets' shape."""
        y_pred = tensor(y_pred).detach()
        if self.multi_label and y_pred.ndim != 2:
            raise ShapeError(f"{self.name} expects y_pred of shape (batch, labels), got {tuple(y_pred.shape)}")
        weights = None if self.multi_label or self.label_weights is None else torch.tensor(self.label_weights)
        counts = count(
            y_true,
            y_pred.sigmoid() if self.from_logits else y_pred,
            self.levels,
            sample_weight=sample_weight,
            label_weights=weights,
            by_label=self.multi_label,
        )
        for cell, value in counts._asdict().items():
            self.grow({cell: tuple(value.shape)})
            self.add(cell, value)

    def result(self) -> torch.Tensor:
        """Return the area so far, 0 without any sample."""
        if not self.state:
            return self.finish(torch.zeros(()))
        counts = Counts(**self.state)
        if (self.curve, self.summation_method) == ("PR", "interpolation"):
            areas = interpolated_precision(counts).sum(0)
        else:
            areas = self.riemann_areas(*points(self.curve, counts)).sum(0)
        if self.multi_label and self.label_weights is not None:
            weights = torch.tensor(self.label_weights, dtype=areas.dtype, device=areas.device)
            return self.finish(divide_no_nan((areas * weights).sum(), weights.sum()))
        return self.finish(areas.mean())

    def riemann_areas(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the areas between neighbouring points."""
        left, right = y[:-1], y[1:]
        if self.summation_method == "minoring":
            height = torch.minimum(left, right)
        elif self.summation_method == "majoring":
            height = torch.maximum(left, right)
        else:
            height = (left + right) / 2
        return (x[:-1] - x[1:]) * height

    def get_config(self) -> Config:
        """Return the constructor's arguments; ``thresholds`` only where they were given, as Keras does."""
        config = super().get_config()
        if config["thresholds"] is None:
            del config["thresholds"]
        return config


def one_of(setting: str, value: str, known: tuple[str, ...]) -> str:
    """Return the entry of ``known`` that equals ``value`` regardless of case; UsageError without one."""
    for name in known:
        if name.lower() == str(value).lower():
            return name
    raise UsageError(f"{setting} must be one of {', '.join(known)}, got {value!r}")


def points(curve: str, counts: Counts) -> tuple[torch.Tensor, torch.Tensor]:
    """Return x and y of the curve at each threshold."""
    tp, fp, tn, fn = counts
    if curve == "ROC":
        return divide_no_nan(fp, fp + tn), rate("recall", counts)
    if curve == "PR":
        return rate("recall", counts), rate("precision", counts)
    odds = divide_no_nan(tp + fn, tn + fp)
    recall = torch.where(tp == 0, 0, 1 - odds * divide_no_nan(fn, tp))
    precision = torch.where(tp == 0, 1, 1 - odds * divide_no_nan(fp, tp))
    return recall.clamp_min(0), precision


def interpolated_precision(counts: Counts) -> torch.Tensor:
    """Return the area under precision over recall between thresholds, with true positives interpolated linearly."""
    tp = counts.true_positives
    predicted = tp + counts.false_positives
    gained = tp[:-1] - tp[1:]
    slope = divide_no_nan(gained, (predicted[:-1] - predicted[1:]).clamp_min(0))
    intercept = tp[1:] - slope * predicted[1:]
    both = (predicted[:-1] > 0) & (predicted[1:] > 0)
    ratio = torch.where(both, divide_no_nan(predicted[:-1], predicted[1:]), 1)
    positives = (tp[1:] + counts.false_negatives[1:]).clamp_min(0)
    return divide_no_nan(slope * (gained + intercept * ratio.log()), positives)
