"""Sorting, indices of extremes, and top-k."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.operation import MultiOutputOp, Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of, whole
from layercli.ops.numpy.reductions import replace_nan
from layercli.ops.numpy.reshaping import ravel

ARG_EXTREMA: dict[str, Callable[..., Tensor]] = {
    "argmax": lambda x, axis, keep: torch.argmax(x, axis, keep),
    "argmin": lambda x, axis, keep: torch.argmin(x, axis, keep),
    "nanargmax": lambda x, axis, keep: _numbered(torch.argmax, float("-inf"), x, axis, keep),
    "nanargmin": lambda x, axis, keep: _numbered(torch.argmin, float("inf"), x, axis, keep),
}
"""Functions that return the index of an extremum along an axis, the first of several."""


@dataclass(frozen=True)
class ArgExtremum(Op):
    """out = the index, in int32, of the extremum along ``axis``; ``function`` is a key of ``ARG_EXTREMA``.

    Without an axis it is the index into x flattened.
    """

    function: str
    axis: int | None = None
    keepdims: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the axis, or with the size 1 there."""
        reduced = range(x.rank) if self.axis is None else (axis_of(x, self.axis),)
        if 0 in [x.shape[axis] for axis in reduced]:
            raise ShapeError(f"{self.function} expects at least one value (x = {x})")
        kept = tuple(1 if i in reduced else size for i, size in enumerate(x.shape) if self.keepdims or i not in reduced)
        return Spec(kept, dtypes.INDEX)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's function; booleans are converted to numbers."""
        x = x.byte() if x.dtype is torch.bool else x
        if self.axis is not None:
            return ARG_EXTREMA[self.function](x, self.axis, self.keepdims).int()
        out = ARG_EXTREMA[self.function](x.flatten(), 0, False).int()
        return out.reshape((1,) * x.ndim) if self.keepdims else out


@dataclass(frozen=True)
class Sort(Op):
    """out = the values of x along ``axis`` in ascending order."""

    axis: int = -1

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        axis_of(x, self.axis)
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's sort."""
        return torch.sort(x, self.axis).values


@dataclass(frozen=True)
class Argsort(Op):
    """out = the indices that sort x along ``axis`` in ascending order, stable."""

    axis: int = -1

    def spec(self, x: Spec) -> Spec:
        """Return x's shape in int32."""
        axis_of(x, self.axis)
        return Spec(x.shape, dtypes.INDEX)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's argsort."""
        return torch.argsort(x, dim=self.axis, stable=True).int()


@dataclass(frozen=True)
class TopK(MultiOutputOp):
    """The ``k`` largest values along the last axis and their indices; descending for ``sorted``."""

    k: int
    sorted: bool = True

    def spec(self, x: Spec) -> tuple[Spec, Spec]:
        """Return two specs with k as the last size, the second in int64; ShapeError where x has fewer values."""
        size = x.shape[axis_of(x, -1)]
        if whole(self.k, "k") < 0:
            raise UsageError(f"top_k expects k of at least 0, got {self.k}")
        if dims.known(size) and size < self.k:
            raise ShapeError(f"expects x with at least {self.k} values along its last axis, got {size} (x = {x})")
        shape = (*x.shape[:-1], self.k)
        return Spec(shape, x.dtype), Spec(shape, "int64")

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return torch's topk."""
        return tuple(torch.topk(x, self.k, sorted=self.sorted))


def argmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index of the maximum along ``axis``, the first of several, in int32; None: the index into x flattened."""
    return ArgExtremum("argmax", axis, keepdims)(x)


def argmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index of the minimum along ``axis``, the first of several, in int32; None: the index into x flattened."""
    return ArgExtremum("argmin", axis, keepdims)(x)


def nanargmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index of the maximum along ``axis`` (None: of x flattened), ignoring NaN; -1 where all are NaN."""
    return ArgExtremum("nanargmax", axis, keepdims)(x)


def nanargmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the index of the minimum along ``axis`` (None: of x flattened), ignoring NaN; -1 where all are NaN."""
    return ArgExtremum("nanargmin", axis, keepdims)(x)


def sort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """Return the values of x along ``axis`` in ascending order; None sorts x flattened."""
    return Sort(0)(ravel(x)) if axis is None else Sort(axis)(x)


def argsort(x: TensorLike, axis: int | None = -1) -> Tensor:
    """Return the indices, in int32, that sort x along ``axis`` in ascending order; None: of x flattened."""
    return Argsort(0)(ravel(x)) if axis is None else Argsort(axis)(x)


def argpartition(x: TensorLike, kth: int, axis: int | None = -1) -> Tensor:
    """Return indices, in int32, that move the ``kth`` smallest value along ``axis`` to index kth, smaller ones before
    it.

    None: of x flattened. NumPy leaves the order on either side open; here all indices are sorted.
    """
    order = argsort(x, axis)
    spec = spec_of(order)
    size = spec.shape[0 if axis is None else axis_of(spec, axis)] if spec.rank else 1
    if dims.known(size) and not -size <= whole(kth, "kth") < size:
        raise ShapeError(f"expects kth from {-size} to {size - 1}, got {kth} (x = {spec_of(x)})")
    return order


def top_k(x: TensorLike, k: int, sorted: bool = True) -> tuple[Tensor, ...]:
    """Return the ``k`` largest values along the last axis and their indices in int64; descending for ``sorted``."""
    return TopK(k, sorted)(x)


def _numbered(arg_extremum: Any, end: float, x: Tensor, axis: int, keep: bool) -> Tensor:
    """Return the index of an extremum, ignoring NaN; -1 where all are NaN."""
    if not x.is_floating_point():
        out: Tensor = arg_extremum(x, axis, keep)
        return out
    return torch.where(torch.all(x.isnan(), axis, keep), -1, arg_extremum(replace_nan(x, end), axis, keep))
