"""Values in their order: sorted, the places they come from, the greatest and the least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from layercli.core import dims
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of
from layercli.ops.numpy.reductions import replace_nan
from layercli.ops.numpy.reshaping import ravel

ARG_EXTREMA: dict[str, Callable[..., Any]] = {
    "argmax": lambda x, axis, keep: torch.argmax(x, axis, keep),
    "argmin": lambda x, axis, keep: torch.argmin(x, axis, keep),
    "nanargmax": lambda x, axis, keep: _numbered(torch.argmax, float("-inf"), x, axis, keep),
    "nanargmin": lambda x, axis, keep: _numbered(torch.argmin, float("inf"), x, axis, keep),
}
"""Functions that give the place of one value along an axis; the first of several."""


@dataclass(frozen=True)
class ArgExtremum(Op):
    """out = the place along ``axis`` of the value that ``function``, a key of ``ARG_EXTREMA``, looks for, in int64.

    Without an axis it is the place in x's values in a row.
    """

    function: str
    axis: int | None = None
    keepdims: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the axis, or with the size 1 there."""
        gone = range(x.rank) if self.axis is None else (axis_of(x, self.axis),)
        kept = tuple(1 if i in gone else size for i, size in enumerate(x.shape) if self.keepdims or i not in gone)
        return Spec(kept, "int64")

    def run(self, x: Any) -> Any:
        """Return torch's function, of booleans as of numbers."""
        x = x.byte() if x.dtype is torch.bool else x
        if self.axis is not None:
            return ARG_EXTREMA[self.function](x, self.axis, self.keepdims)
        out = ARG_EXTREMA[self.function](x.flatten(), 0, False)
        return out.reshape((1,) * x.ndim) if self.keepdims else out


@dataclass(frozen=True)
class Sort(Op):
    """out = the values of x along ``axis`` from the least to the greatest."""

    axis: int = -1

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        axis_of(x, self.axis)
        return x

    def run(self, x: Any) -> Any:
        """Return torch's sort."""
        return torch.sort(x, self.axis).values


@dataclass(frozen=True)
class Argsort(Op):
    """out = the places along ``axis`` that x's values are at, from the least to the greatest; equal ones stay in order."""

    axis: int = -1

    def spec(self, x: Spec) -> Spec:
        """Return x's shape in int64."""
        axis_of(x, self.axis)
        return Spec(x.shape, "int64")

    def run(self, x: Any) -> Any:
        """Return torch's argsort."""
        return torch.argsort(x, dim=self.axis, stable=True)


@dataclass(frozen=True)
class TopK(Op):
    """The ``k`` greatest values along the last axis, and their places; from the greatest on where ``sorted``."""

    k: int
    sorted: bool = True

    def spec(self, x: Spec) -> tuple[Spec, Spec]:
        """Return two of x's shape with k for its last size, the second in int64; ShapeError where x has fewer."""
        size = x.shape[axis_of(x, -1)]
        if dims.known(size) and size < self.k:
            raise ShapeError(f"expects x with at least {self.k} values along its last axis, got {size} (x = {x})")
        shape = (*x.shape[:-1], self.k)
        return Spec(shape, x.dtype), Spec(shape, "int64")

    def run(self, x: Any) -> Any:
        """Return torch's topk."""
        return tuple(torch.topk(x, self.k, sorted=self.sorted))


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the place of the greatest value along ``axis``, the first of several, in int64; None: of all values in a row."""
    return ArgExtremum("argmax", axis, keepdims)(x)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the place of the least value along ``axis``, the first of several, in int64; None: of all values in a row."""
    return ArgExtremum("argmin", axis, keepdims)(x)


def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the place of the greatest number along ``axis`` (None: of all values), nan left out; -1 where there is none."""
    return ArgExtremum("nanargmax", axis, keepdims)(x)


def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the place of the least number along ``axis`` (None: of all values), nan left out; -1 where there is none."""
    return ArgExtremum("nanargmin", axis, keepdims)(x)


def sort(x: Any, axis: int | None = -1) -> Any:
    """Return the values of x along ``axis`` from the least to the greatest; None: all of them, in one axis."""
    return Sort(0)(ravel(x)) if axis is None else Sort(axis)(x)


def argsort(x: Any, axis: int | None = -1) -> Any:
    """Return the places, in int64, of x's values along ``axis`` from the least to the greatest; None: of all in a row."""
    return Argsort(0)(ravel(x)) if axis is None else Argsort(axis)(x)


def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Return places, in int64, that bring the ``kth`` value along ``axis`` to its own place, lesser ones before it.

    None: of all values in a row. The order on either side is not said; here they are all in order.
    """
    return argsort(x, axis)


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Return the ``k`` greatest values along the last axis, and their places in int64; from the greatest on if ``sorted``."""
    return TopK(k, sorted)(x)


def _numbered(place: Any, end: float, x: Any, axis: int, keep: bool) -> Any:
    """Return the place of an extreme of the numbers, -1 where there are none."""
    if not x.is_floating_point():
        return place(x, axis, keep)
    return torch.where(torch.all(x.isnan(), axis, keep), -1, place(replace_nan(x, end), axis, keep))
