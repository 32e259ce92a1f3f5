"""Crossentropy losses: the negative log probability of the target."""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.errors import ShapeError, UsageError
from layercli.lazy import F, torch
from layercli.losses.alignment import alike, pairwise, with_class_ids
from layercli.losses.loss import loss_class
from layercli.ops.nn.losses import NO_CLASS, binary, categorical, classes_required, of_probabilities, sparse


@pairwise
def binary_crossentropy(
    y_true: torch.Tensor, y_pred: torch.Tensor, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> torch.Tensor:
    """mean(-y log(p) - (1 - y) log(1 - p)) over ``axis``; p is y_pred, or sigmoid(y_pred) for ``from_logits``.

    y_true and y_pred: (..., n) to (...). ``label_smoothing`` moves the targets by that fraction towards 1/2.
    Probabilities are clipped to [1e-7, 1 - 1e-7]. Raises ShapeError for unequal shapes, UsageError for targets outside
    [0, 1].
    """
    if label_smoothing:
        y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    return binary(y_true, y_pred, from_logits).mean(axis)


@pairwise
def categorical_crossentropy(
    y_true: torch.Tensor, y_pred: torch.Tensor, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> torch.Tensor:
    """-sum(y_true log(p)) over the classes, ``axis``: one-hot (..., classes) and (..., classes) to (...).

    p is softmax(y_pred) for ``from_logits``, else y_pred / sum(y_pred) clipped to [1e-7, 1 - 1e-7]. ``label_smoothing``
    moves the targets by that fraction towards 1/classes. Raises ShapeError for unequal shapes.
    """
    if label_smoothing:
        y_true = smooth(y_true, label_smoothing)
    return categorical(y_true, y_pred, from_logits, axis)


@with_class_ids
def sparse_categorical_crossentropy(
    y_true: torch.Tensor,
    y_pred: torch.Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> torch.Tensor:
    """-log(p[y_true]) over the classes, ``axis``: class ids (...) or (..., 1) and (..., classes) to (...).

    p is softmax(y_pred) for ``from_logits``, else y_pred / sum(y_pred) clipped to [1e-7, 1 - 1e-7]. The value is 0
    where the label is ``ignore_class``. Raises ShapeError for shapes that do not fit, and UsageError for a label out of
    range (on the CPU; on a GPU call ``check`` first).
    """
    axis = range(y_pred.ndim)[axis]
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = y_true.squeeze(axis)
    expected = (*y_pred.shape[:axis], *y_pred.shape[axis + 1 :])
    if tuple(y_true.shape) != expected:
        raise ShapeError(
            f"sparse_categorical_crossentropy expects y_true of shape {expected} for y_pred of shape "
            f"{tuple(y_pred.shape)}, got {tuple(y_true.shape)}",
            hint="for one-hot targets, use categorical_crossentropy" if y_true.shape == y_pred.shape else None,
        )
    return sparse(y_true, y_pred, from_logits, axis, ignore_class)


def whole_sparse_crossentropy(
    y_true: Tensor, y_pred: torch.Tensor, from_logits: bool, ignore_class: int | None, axis: int
) -> torch.Tensor | None:
    """Return the mean of ``sparse_categorical_crossentropy`` for int64 labels (batch,) and logits (batch, classes),
    else None.
    """
    if not from_logits or ignore_class is not None or y_pred.ndim != 2 or axis not in (1, -1):
        return None
    if not isinstance(y_true, torch.Tensor) or y_true.dtype is not torch.int64 or y_true.shape != y_pred.shape[:1]:
        return None
    with classes_required(y_true, y_pred.shape[1], None):
        return F.cross_entropy(y_pred, y_true, ignore_index=NO_CLASS)


def whole_binary_crossentropy(
    y_true: Tensor, y_pred: torch.Tensor, from_logits: bool, label_smoothing: float, axis: int
) -> torch.Tensor | None:
    """Return the mean of ``binary_crossentropy`` over all samples for equal shapes and dtypes, else None."""
    if label_smoothing or not alike(y_true, y_pred):
        return None
    if from_logits:
        return F.binary_cross_entropy_with_logits(y_pred, y_true)
    return of_probabilities(y_true, y_pred, "mean")


@with_class_ids
def categorical_generalized_cross_entropy(y_true: torch.Tensor, y_pred: torch.Tensor, q: float = 0.5) -> torch.Tensor:
    """(1 - p[y_true]^q) / q over the classes: class ids (...) and probabilities (..., classes) to (...).

    ``q`` interpolates between crossentropy (0) and mean absolute error (1), which is more robust to noisy labels.
    Reference: Zhang and Sabuncu, 2018, arXiv:1805.07836.
    """
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true.squeeze(-1)
    if y_true.shape != y_pred.shape[:-1]:
        raise ShapeError(
            f"categorical_generalized_cross_entropy expects y_true of shape {tuple(y_pred.shape[:-1])} for y_pred of "
            f"shape {tuple(y_pred.shape)}, got {tuple(y_true.shape)}"
        )
    with classes_required(y_true, y_pred.shape[-1], None):
        right = y_pred.gather(-1, y_true.unsqueeze(-1)).squeeze(-1)
    return (1 - right**q) / q


def smooth(y_true: torch.Tensor, share: float) -> torch.Tensor:
    """Return one-hot targets with the fraction ``share`` spread evenly over all classes (the last axis)."""
    return y_true * (1 - share) + share / y_true.shape[-1]


def _not_ignored(loss: Any, y_true: Any, values: torch.Tensor) -> torch.Tensor | None:
    if loss.ignore_class is None:
        return None
    kept: torch.Tensor = torch.as_tensor(y_true, device=values.device) != loss.ignore_class
    return kept.reshape(values.shape)


def _check_q(loss: Any) -> None:
    if not 0 < loss.q < 1:
        raise UsageError(f"q must be greater than 0 and less than 1, got {loss.q}")


BinaryCrossentropy = loss_class("BinaryCrossentropy", binary_crossentropy, mean=whole_binary_crossentropy)
CategoricalCrossentropy = loss_class("CategoricalCrossentropy", categorical_crossentropy)
SparseCategoricalCrossentropy = loss_class(
    "SparseCategoricalCrossentropy",
    sparse_categorical_crossentropy,
    order="from_logits ignore_class reduction axis name dtype",
    mask=_not_ignored,
    mean=whole_sparse_crossentropy,
)
CategoricalGeneralizedCrossEntropy = loss_class(
    "CategoricalGeneralizedCrossEntropy", categorical_generalized_cross_entropy, check=_check_q
)
