"""Intersection over union."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.metrics.metric import Metric

EPSILON = 1e-7


class BaseIoU(Metric):
    """The mean over classes of ``both / (target + predicted - both)``, from a confusion matrix of all elements.

    Classes that never occur are left out, and so are elements whose class is ``ignore_class`` or none of them.
    Weights, of the shape of the classes, count in integers unless ``dtype`` is given, as in Keras.
    """

    num_classes: int

    def targets(self) -> list[int]:
        """Return the classes whose overlap counts."""
        return list(range(self.num_classes))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the confusion matrix: targets down, predictions across."""
        return {"total_confusion_matrix": (self.num_classes, self.num_classes)}

    def classes(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the class of each target and of each prediction."""
        return y_true, y_pred

    def kept(self, labels: torch.Tensor) -> torch.Tensor:
        """Return which targets count, of those that are classes."""
        return torch.ones_like(labels, dtype=torch.bool)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        pred = torch.as_tensor(y_pred)
        true = torch.as_tensor(y_true, device=pred.device)
        labels, found = (y.reshape(-1).long() for y in self.classes(true, pred))
        weight = torch.as_tensor(1 if sample_weight is None else sample_weight, device=pred.device)
        weight = (weight.long() if self.dtype is None else weight).reshape(-1).broadcast_to(labels.shape).double()
        count = self.num_classes
        inside = (labels >= 0) & (labels < count) & (found >= 0) & (found < count) & self.kept(labels)
        cell = torch.where(inside, labels * count + found, 0)
        totals = torch.zeros(count * count, dtype=torch.float64, device=pred.device)
        self.add("total_confusion_matrix", totals.index_add(0, cell, weight * inside).reshape(count, count))

    def result(self) -> torch.Tensor:
        """Return the mean overlap so far."""
        matrix = self.state["total_confusion_matrix"]
        both = matrix.diagonal()
        either = (matrix.sum(0) + matrix.sum(1) - both)[self.targets()]
        occurs = either > 1e-9
        overlaps = torch.where(occurs, both[self.targets()] / (either + EPSILON), 0)
        return (overlaps.sum() / (occurs.sum() + EPSILON)).float()


class ClassOverlap(BaseIoU):
    """Targets and predictions are ids (``sparse_y_true``, ``sparse_y_pred``) or scores along ``axis``."""

    ignore_class: int | None
    sparse_y_true: bool
    sparse_y_pred: bool
    axis: int

    def classes(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the class of each target and of each prediction: as given, or the largest along ``axis``."""
        true = y_true if self.sparse_y_true else y_true.argmax(self.axis)
        return true, y_pred if self.sparse_y_pred else y_pred.argmax(self.axis)

    def kept(self, labels: torch.Tensor) -> torch.Tensor:
        """Return which targets are not of the ignored class."""
        return super().kept(labels) if self.ignore_class is None else labels != self.ignore_class


@dataclass(eq=False)
class IoU(ClassOverlap):
    """The mean over ``target_class_ids`` of ``both / (target + predicted - both)``.

    Classes that never occur are left out, and so are elements whose class is ``ignore_class`` or none of
    ``num_classes``. Targets and predictions are class ids, or (``sparse_y_true``, ``sparse_y_pred`` False) scores along
    ``axis``. Weights count in integers unless ``dtype`` is given, as in Keras.
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
        """Return the classes whose overlap counts."""
        return list(self.target_class_ids)


@dataclass(eq=False)
class MeanIoU(ClassOverlap):
    """The mean over all ``num_classes`` of ``both / (target + predicted - both)``; the rest as in IoU."""

    num_classes: int
    name: str | None = None
    dtype: str | None = None
    ignore_class: int | None = None
    sparse_y_true: bool = True
    sparse_y_pred: bool = True
    axis: int = -1


@dataclass(eq=False)
class OneHotIoU(IoU):
    """IoU of one-hot targets and, unless ``sparse_y_pred``, of scores."""

    sparse_y_true: bool = field(default=False, init=False)
    sparse_y_pred: bool = False


@dataclass(eq=False)
class OneHotMeanIoU(MeanIoU):
    """MeanIoU of one-hot targets and, unless ``sparse_y_pred``, of scores."""

    sparse_y_true: bool = field(default=False, init=False)
    sparse_y_pred: bool = False


@dataclass(eq=False)
class BinaryIoU(BaseIoU):
    """The mean over ``target_class_ids`` of the overlap of two classes: 1 is predicted from ``threshold`` up."""

    num_classes: int = field(default=2, init=False)
    target_class_ids: Sequence[int] = (0, 1)
    threshold: float = 0.5
    name: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_classes(self.target_class_ids, self.num_classes)

    def targets(self) -> list[int]:
        """Return the classes whose overlap counts."""
        return list(self.target_class_ids)

    def classes(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the targets, and 1 where the prediction is at least the threshold."""
        return y_true, y_pred >= self.threshold


def require_classes(ids: Sequence[int], classes: int) -> None:
    """Raise UsageError for an id that is none of so many classes."""
    for each in ids:
        if not 0 <= each < classes:
            raise UsageError(f"target_class_ids are from 0 to {classes - 1}, got {each}")
