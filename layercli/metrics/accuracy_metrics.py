"""Accuracies: the fraction of correct predictions."""

from __future__ import annotations

from layercli.core.types import Tensor
from layercli.errors import ValueRangeError
from layercli.lazy import torch
from layercli.losses.alignment import broadcasting, pairwise, require_same_shape, tensor
from layercli.metrics.reduction_metrics import mean_class


@broadcasting
def accuracy(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """y_true == y_pred, elementwise, as 0 and 1."""
    return (y_true == y_pred).float()


@broadcasting
def binary_accuracy(y_true: torch.Tensor, y_pred: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """y_true == (y_pred > threshold), elementwise, for targets 0 and 1."""
    return ((y_pred > threshold).to(y_true.dtype) == y_true).float()


@pairwise
def categorical_accuracy(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """argmax(y_true) == argmax(y_pred) over the last axis: one-hot (..., classes) and (..., classes) to (...)."""
    return (y_true.argmax(-1) == y_pred.argmax(-1)).float()


def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> torch.Tensor:
    """y_true == argmax(y_pred) over the last axis: class ids (...) or (..., 1) and (..., classes) to (...)."""
    labels, predictions = class_ids(y_true, y_pred)
    best = predictions.argmax(-1)
    require_same_shape("sparse_categorical_accuracy", labels, best)
    return (labels == best).float()


@pairwise
def top_k_categorical_accuracy(y_true: torch.Tensor, y_pred: torch.Tensor, k: int = 5) -> torch.Tensor:
    """Whether fewer than ``k`` predictions exceed that of argmax(y_true): one-hot (..., classes) to (...)."""
    return among_best(y_true.argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Tensor, y_pred: Tensor, k: int = 5, from_sorted_ids: bool = False
) -> torch.Tensor:
    """Whether fewer than ``k`` predictions exceed that of y_true: class ids (...) and (..., classes) to (...).

    With ``from_sorted_ids`` the predictions are class ids, most probable first: whether y_true is among the first
    ``k``.
    """
    labels, predictions = class_ids(y_true, y_pred)
    if from_sorted_ids:
        return (predictions[..., :k] == labels.unsqueeze(-1)).any(-1).float()
    return among_best(labels, predictions, k)


def class_ids(y_true: Tensor, y_pred: Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels as int64, without a last axis of size 1, and predictions, on one device."""
    predictions = tensor(y_pred)
    labels = torch.as_tensor(y_true, device=predictions.device).long()
    if labels.ndim == predictions.ndim and labels.shape[-1] == 1:
        labels = labels.squeeze(-1)
    return labels, predictions


def among_best(labels: torch.Tensor, predictions: torch.Tensor, k: int) -> torch.Tensor:
    """Return whether fewer than ``k`` predictions exceed that of the label; a NaN prediction of the label never is.

    Raises ValueRangeError where there are fewer than ``k`` classes.
    """
    if not 0 <= k <= predictions.shape[-1]:
        raise ValueRangeError(f"expects k from 0 to {predictions.shape[-1]}, the classes predicted, got {k}")
    own = predictions.gather(-1, labels.unsqueeze(-1)).nan_to_num(nan=float("-inf"))
    return ((predictions > own).sum(-1) < k).float()


Accuracy = mean_class("Accuracy", accuracy, __name__)
BinaryAccuracy = mean_class("BinaryAccuracy", binary_accuracy, __name__, "name dtype threshold")
CategoricalAccuracy = mean_class("CategoricalAccuracy", categorical_accuracy, __name__)
SparseCategoricalAccuracy = mean_class("SparseCategoricalAccuracy", sparse_categorical_accuracy, __name__)
TopKCategoricalAccuracy = mean_class("TopKCategoricalAccuracy", top_k_categorical_accuracy, __name__, "k name dtype")
SparseTopKCategoricalAccuracy = mean_class(
    "SparseTopKCategoricalAccuracy",
    sparse_top_k_categorical_accuracy,
    __name__,
    "k name dtype from_sorted_ids",
)
