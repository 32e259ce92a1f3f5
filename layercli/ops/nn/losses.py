"""Binary, categorical and sparse categorical crossentropy, elementwise, for losses and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.core import dims, dtypes
from layercli.core.operation import Op
from layercli.core.spec import Spec, show_shape
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import IndexRangeError, ShapeError, UsageError
from layercli.lazy import F, torch
from layercli.ops.core.axes import axis_of

if TYPE_CHECKING:
    from types import TracebackType

EPSILON = 1e-7
"""The distance from 0 and 1 that probabilities are clipped to."""

NO_CLASS = -(2**62)
"""A value that is no label, for torch's ignore_index, whose default is -100."""

FROM_NAN = -(2**63)
"""The int64 value of a NaN label."""


@dataclass(frozen=True)
class BinaryCrossentropy(Op):
    """out = -target * log(p) - (1 - target) * log(1 - p), elementwise; p is output, or its sigmoid for ``from_logits``."""

    from_logits: bool = False

    def spec(self, target: Spec, output: Spec) -> Spec:
        """Return output's spec; ShapeError where target's shape differs."""
        if target.rank != output.rank or not all(map(dims.may_equal, target.shape, output.shape)):
            raise ShapeError(f"expects target and output of one shape, got {target} and {output}")
        return output

    def run(self, target: Tensor, output: Tensor) -> Tensor:
        """Return torch's binary_cross_entropy."""
        return binary(target.to(output.dtype), output, self.from_logits)


@dataclass(frozen=True)
class CategoricalCrossentropy(Op):
    """out = -sum of target * log(p) over ``axis``; p is output / sum(output), or its softmax for ``from_logits``."""

    from_logits: bool = False
    axis: int = -1

    def spec(self, target: Spec, output: Spec) -> Spec:
        """Return output's shape without the axis; ShapeError where target's shape differs."""
        if target.rank != output.rank or not all(map(dims.may_equal, target.shape, output.shape)):
            raise ShapeError(f"expects target and output of one shape, got {target} and {output}")
        axis = axis_of(output, self.axis)
        dtype = output.dtype if dtypes.is_floating(output.dtype) else "float32"
        return Spec((*output.shape[:axis], *output.shape[axis + 1 :]), dtype)

    def run(self, target: Tensor, output: Tensor) -> Tensor:
        """Return the sum."""
        if target.shape != output.shape:
            raise ValueError("shapes")  # spec raises the error with the shapes
        return categorical(target, output, self.from_logits, self.axis)


@dataclass(frozen=True)
class SparseCrossentropy(Op):
    """out = -log(p[target]) along ``axis``; p is output / sum(output), or its softmax for ``from_logits``.

    target: class ids of output's shape without the axis, or with a last axis of size 1.
    """

    from_logits: bool = False
    axis: int = -1

    def spec(self, target: Spec, output: Spec) -> Spec:
        """Return output's shape without the axis; ShapeError where target's shape differs."""
        axis = axis_of(output, self.axis)
        expected = (*output.shape[:axis], *output.shape[axis + 1 :])
        given = target.shape[:-1] if target.rank == output.rank and target.shape[-1] == 1 else target.shape
        if len(given) != len(expected) or not all(map(dims.may_equal, given, expected)):
            raise ShapeError(f"expects target of the shape {show_shape(expected)}, got {target} (output = {output})")
        return Spec(expected, output.dtype if dtypes.is_floating(output.dtype) else "float32")

    def run(self, target: Tensor, output: Tensor) -> Tensor:
        """Return the negative log probability of each label; UsageError for a label out of range."""
        if target.ndim == output.ndim and target.shape[-1] == 1:
            target = target.squeeze(-1)
        axis = range(output.ndim)[self.axis]
        if target.shape != (*output.shape[:axis], *output.shape[axis + 1 :]):
            raise ValueError("shapes")  # spec raises the error with the shapes
        return sparse(target.long(), output, self.from_logits, axis)


def binary_crossentropy(target: TensorLike, output: TensorLike, from_logits: bool = False) -> Tensor:
    """Return -target * log(p) - (1 - target) * log(1 - p), elementwise: p is ``output``, or its sigmoid for
    ``from_logits``.

    Raises ShapeError for unequal shapes, UsageError for targets outside [0, 1].
    """
    return BinaryCrossentropy(from_logits)(target, output)


def categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Return -sum of target * log(p) over the classes, ``axis``: p is output / sum(output), or its softmax for
    ``from_logits``.

    Raises ShapeError for unequal shapes.
    """
    return CategoricalCrossentropy(from_logits, axis)(target, output)


def sparse_categorical_crossentropy(
    target: TensorLike, output: TensorLike, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Return -log(p[target]) over the classes, ``axis``: p is output / sum(output), or its softmax for ``from_logits``.

    ``target``: class ids of output's shape without the axis. Raises UsageError for a label out of range, on the CPU.
    """
    return SparseCrossentropy(from_logits, axis)(target, output)


def binary(target: torch.Tensor, output: torch.Tensor, from_logits: bool) -> torch.Tensor:
    """Return the binary crossentropy of each value, for tensors of one shape and dtype."""
    if from_logits:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")
    return of_probabilities(target, output, "none")


def of_probabilities(target: torch.Tensor, output: torch.Tensor, reduction: str) -> torch.Tensor:
    """Return the binary crossentropy of probabilities clipped to [1e-7, 1 - 1e-7], NaN for NaN; UsageError for targets
    outside [0, 1].
    """
    clipped = output.clamp(EPSILON, 1 - EPSILON)
    undefined = (clipped - clipped).detach()  # 0, or NaN, which torch's function refuses
    try:
        loss = F.binary_cross_entropy(clipped.nan_to_num(0.5), target, reduction=reduction)
        return loss + (undefined if reduction == "none" else undefined.mean())
    except RuntimeError:
        require_shares(target)
        raise


def categorical(target: torch.Tensor, output: torch.Tensor, from_logits: bool, axis: int) -> torch.Tensor:
    """Return the crossentropy with target probabilities along ``axis``."""
    return -(target * log_probability(output, from_logits, axis)).sum(axis)


def sparse(
    labels: torch.Tensor, output: torch.Tensor, from_logits: bool, axis: int, ignore_class: int | None = None
) -> torch.Tensor:
    """Return the crossentropy with int64 labels along ``axis`` (not negative); 0 where a label is ``ignore_class``."""
    classes = output.shape[axis]
    logs = log_probability(output, from_logits, axis).movedim(axis, -1).reshape(-1, classes)
    ignored = NO_CLASS if ignore_class is None else ignore_class
    with classes_required(labels, classes, ignore_class):
        return F.nll_loss(logs, labels.reshape(-1), reduction="none", ignore_index=ignored).reshape(labels.shape)


def log_probability(output: torch.Tensor, from_logits: bool, axis: int) -> torch.Tensor:
    """Return the log probabilities of ``output``, logits or unnormalized probabilities, along ``axis``."""
    if from_logits:
        return F.log_softmax(output, axis)
    return (output / output.sum(axis, keepdim=True)).clamp(EPSILON, 1 - EPSILON).log()


class classes_required:
    """A context in which torch's error for a label out of range becomes a UsageError; it costs nothing otherwise."""

    def __init__(self, labels: torch.Tensor, classes: int, ignored: int | None) -> None:
        self.labels = labels, classes, ignored

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, IndexError | RuntimeError):
            require_classes(*self.labels)


def require_classes(labels: torch.Tensor, classes: int, ignored: int | None) -> None:
    """Raise UsageError for a label outside [0, classes) other than ``ignored``."""
    wrong = labels[((labels < 0) | (labels >= classes)) & (labels != (NO_CLASS if ignored is None else ignored))]
    if wrong.numel():
        found = "nan" if wrong[0] == FROM_NAN else wrong[0]
        raise IndexRangeError(f"labels must be from 0 to {classes - 1}, the {classes} classes predicted, got {found}")


def require_shares(target: torch.Tensor) -> None:
    """Raise UsageError for a target outside [0, 1]."""
    wrong = target[~((target >= 0) & (target <= 1))]
    if wrong.numel():
        raise UsageError(f"binary_crossentropy expects targets from 0 to 1, got {wrong[0].item():.4g}")
