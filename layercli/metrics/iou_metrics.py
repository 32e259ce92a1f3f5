"""Intersection over union (IoU)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.metrics.metric import Metric

EPSILON = 1e-7


class BaseIoU(Metric):
    """Base: the mean over classes of intersection / (targets + predictions - intersection), from a confusion matrix.

    Classes that do not occur are ignored, and so are elements of ``ignore_class`` or out of range. Weights, of the
    targets' shape, are truncated to integers unless ``dtype`` is a floating one, as in Keras.
    """

    default_dtype = "int32"
    num_classes: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_classes < 1:
            raise UsageError(f"{type(self).__name__} expects num_classes of at least 1, got {self.num_classes}")

    def targets(self) -> list[int]:
        """Return the classes to average."""
        return list(range(self.num_classes))

    @property
    def total_cm(self) -> torch.Tensor:
        """The confusion matrix so far: targets in rows, predictions in columns."""
        return self.state["total_confusion_matrix"]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of the confusion matrix: targets in rows, predictions in columns."""
        return {"total_confusion_matrix": (self.num_classes, self.num_classes)}

    def classes(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the class of each target and of each prediction."""
        return y_true, y_pred

    def kept(self, labels: torch.Tensor) -> torch.Tensor:
        """Return which targets count, among those in range."""
        return torch.ones_like(labels, dtype=torch.bool)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Add a batch; ``sample_weight`` has the targets' shape."""
        pred = torch.as_tensor(y_pred)
        true = torch.as_tensor(y_true, device=pred.device)
        labels, found = (y.reshape(-1).long() for y in self.classes(true, pred))
        weight = torch.as_tensor(1 if sample_weight is None else sample_weight, device=pred.device)
        weight = (
            (weight.long() if "int" in (self.dtype or self.default_dtype) else weight)
            .reshape(-1)
            .broadcast_to(labels.shape)
            .double()
        )
        count = self.num_classes
        inside = (labels >= 0) & (labels < count) & (found >= 0) & (found < count) & self.kept(labels)
        cell = torch.where(inside, labels * count + found, 0)
        totals = torch.zeros(count * count, dtype=torch.float64, device=pred.device)
        self.add("total_confusion_matrix", totals.index_add(0, cell, weight * inside).reshape(count, count))

    def result(self) -> torch.Tensor:
        """Return the mean IoU so far."""
        matrix = self.state["total_confusion_matrix"]
        both = matrix.diagonal()
        either = (matrix.sum(0) + matrix.sum(1) - both)[self.targets()]
        occurs = either > 1e-9
        overlaps = torch.where(occurs, both[self.targets()] / (either + EPSILON), 0)
        return (overlaps.sum() / (occurs.sum() + EPSILON)).float()


class ClassOverlap(BaseIoU):
    """Base of the metrics of class ids, or of scores along ``axis``."""

    ignore_class: int | None
    sparse_y_true: bool
    sparse_y_pred: bool
    axis: int

    def classes(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the class of each target and each prediction: as given, or the argmax along ``axis``."""
        true = y_true if self.sparse_y_true else y_true.argmax(self.axis)
        return true, y_pred if self.sparse_y_pred else y_pred.argmax(self.axis)

    def kept(self, labels: torch.Tensor) -> torch.Tensor:
        """Return which targets are not of ``ignore_class``."""
        return super().kept(labels) if self.ignore_class is None else labels != self.ignore_class


@dataclass(eq=False, repr=False)
class IoU(ClassOverlap):
    """The mean over ``target_class_ids`` of intersection / (targets + predictions - intersection).

    Classes that do not occur are ignored. Weights are truncated to integers unless ``dtype`` is given, as in Keras.

    Arguments:
        num_classes: the number of classes.
        target_class_ids: the classes to average.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
        ignore_class: a class id whose elements are ignored, or None.
        sparse_y_true: whether targets are class ids; else scores along ``axis``.
        sparse_y_pred: whether predictions are class ids; else scores along ``axis``.
        axis: the axis of the classes of scores.
    """

    num_classes: int
    target_class_ids: Sequence[int]
    name: str | None = None
    dtype: str | None = None
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_classes(self.target_class_ids, self.num_classes)

    def targets(self) -> list[int]:
        """Return the classes to average."""
        return list(self.target_class_ids)


@dataclass(eq=False, repr=False)
class MeanIoU(ClassOverlap):
    """The mean over all classes of intersection / (targets + predictions - intersection); otherwise as IoU.

    Arguments:
        num_classes: the number of classes.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
        ignore_class: a class id whose elements are ignored, or None.
        sparse_y_true: whether targets are class ids; else scores along ``axis``.
        sparse_y_pred: whether predictions are class ids; else scores along ``axis``.
        axis: the axis of the classes of scores.
    """

    num_classes: int
    name: str | None = None
    dtype: str | None = None
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1

    @property
    def target_class_ids(self) -> Sequence[int]:
        """The classes to average."""
        return self.targets()  # all of them


@dataclass(eq=False, repr=False)
class OneHotIoU(IoU):
    """IoU of one-hot targets, and of scores or, for ``sparse_y_pred``, class ids; arguments as in IoU."""

    sparse_y_true: bool = field(default=False, init=False)
    sparse_y_pred: bool = False


@dataclass(eq=False, repr=False)
class OneHotMeanIoU(MeanIoU):
    """MeanIoU of one-hot targets, and of scores or, for ``sparse_y_pred``, class ids; arguments as in MeanIoU."""

    sparse_y_true: bool = field(default=False, init=False)
    sparse_y_pred: bool = False


@dataclass(eq=False, repr=False)
class BinaryIoU(BaseIoU):
    """IoU of two classes, with predictions of at least ``threshold`` as class 1.

    Arguments:
        target_class_ids: the classes to average.
        threshold: the least prediction of class 1.
        name: the name in logs.
        dtype: the dtype of the result, float32 by default.
    """

    num_classes: int = field(default=2, init=False)
    target_class_ids: Sequence[int] = (0, 1)
    threshold: float = 0.5
    name: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_classes(self.target_class_ids, self.num_classes)

    def targets(self) -> list[int]:
        """Return the classes to average."""
        return list(self.target_class_ids)

    def classes(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the targets, and whether each prediction is at least the threshold."""
        return y_true, y_pred >= self.threshold


def require_classes(ids: Sequence[int], classes: int) -> None:
    """Raise UsageError for an id outside [0, classes)."""
    for each in ids:
        if not 0 <= each < classes:
            raise UsageError(f"target_class_ids must be from 0 to {classes - 1}, got {each}")
