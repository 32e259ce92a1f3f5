"""Reductions: many values to one, along some axes or all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from layercli.core import dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of

REDUCTIONS: dict[str, Callable[[Any, tuple[int, ...], bool], Any]] = {
    "sum": lambda x, axes, keep: torch.sum(x, axes, keep),
    "mean": lambda x, axes, keep: torch.mean(_floating(x), axes, keep),
    "max": lambda x, axes, keep: torch.amax(x, axes, keep),
    "min": lambda x, axes, keep: torch.amin(x, axes, keep),
    "prod": lambda x, axes, keep: _product(x, axes, keep),
    "var": lambda x, axes, keep: torch.var(_floating(x), axes, correction=0, keepdim=keep),
    "std": lambda x, axes, keep: torch.std(_floating(x), axes, correction=0, keepdim=keep),
    "all": lambda x, axes, keep: torch.all(x, axes, keep),
    "any": lambda x, axes, keep: torch.any(x, axes, keep),
    "logsumexp": lambda x, axes, keep: torch.logsumexp(_floating(x), axes, keep),
    "median": lambda x, axes, keep: _median(_floating(x), axes, keep),
    "ptp": lambda x, axes, keep: torch.amax(x, axes, keep) - torch.amin(x, axes, keep),
    "nanmax": lambda x, axes, keep: _extreme(torch.amax, float("-inf"), x, axes, keep),
    "nanmin": lambda x, axes, keep: _extreme(torch.amin, float("inf"), x, axes, keep),
    "nansum": lambda x, axes, keep: torch.sum(replace_nan(x, 0), axes, keep),
    "nanprod": lambda x, axes, keep: _product(replace_nan(x, 1), axes, keep),
    "nanmean": lambda x, axes, keep: torch.nanmean(_floating(x), axes, keep),
    "nanvar": lambda x, axes, keep: _variance(_floating(x), axes, keep),
    "nanstd": lambda x, axes, keep: torch.sqrt(_variance(_floating(x), axes, keep)),
}
"""Functions of the values along some axes, the axes being kept with the size 1 or not; ``nan``... leave out NaN."""

MAKE_FLOATS = {"mean", "var", "std", "logsumexp", "median", "nanmean", "nanvar", "nanstd"}
WIDEN = {"sum", "prod", "nansum", "nanprod"}
"""Functions whose result for integers is int64, as in torch."""
OTHER_NAMES = {"amax": "max", "amin": "min"}
"""Second names that Keras has for some."""


@dataclass(frozen=True)
class Reduction(Op):
    """out = function of x along ``axis``, a key of ``REDUCTIONS``; ``axis`` is one, several or None for all."""

    function: str
    axis: int | tuple[int, ...] | None = None
    keepdims: bool = False

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the axes, or with the size 1 there."""
        axes = axes_of(x, self.axis)
        kept = [1 if i in axes else size for i, size in enumerate(x.shape) if self.keepdims or i not in axes]
        return Spec(tuple(kept), self._dtype(x.dtype))

    def run(self, x: Any) -> Any:
        """Return torch's function of x."""
        axes = tuple(range(x.ndim)) if self.axis is None else self.axis
        return REDUCTIONS[self.function](x, axes if isinstance(axes, tuple) else (axes,), self.keepdims)

    def _dtype(self, dtype: str) -> str:
        if self.function in ("all", "any"):
            return "bool"
        if self.function in MAKE_FLOATS and dtypes.rank(dtype) < 2:
            return "float32"
        return "int64" if self.function in WIDEN and dtypes.rank(dtype) < 2 else dtype


def _floating(x: Any) -> Any:
    return x if x.is_floating_point() or x.is_complex() else x.float()


def replace_nan(x: Any, value: float) -> Any:
    """Return x with ``value`` where it is not a number."""
    return torch.where(x.isnan(), value, x) if x.is_floating_point() else x


def _extreme(reduce: Any, end: float, x: Any, axes: tuple[int, ...], keep: bool) -> Any:
    """Return the extreme of the numbers in x, and nan where there are none."""
    if not x.is_floating_point():
        return reduce(x, axes, keep)
    return torch.where(torch.all(x.isnan(), axes, keep), float("nan"), reduce(replace_nan(x, end), axes, keep))


def _variance(x: Any, axes: tuple[int, ...], keep: bool) -> Any:
    """Return the mean square of what is left of the numbers in x without their mean; what is none has no gradient."""
    gone = x.isnan()
    apart = torch.where(gone, 0, x - torch.nanmean(x, axes, True))
    return torch.sum(torch.square(apart), axes, keep) / torch.sum(~gone, axes, keep)


def _product(x: Any, axes: tuple[int, ...], keep: bool) -> Any:
    """Return the product axis by axis, the last first, so that the numbers of the others stay."""
    if not axes:
        return x.prod()
    for axis in sorted(axes_of(spec_of(x), axes), reverse=True):
        x = x.prod(axis, keep)
    return x


def _median(x: Any, axes: tuple[int, ...], keep: bool) -> Any:
    """Return the middle of the values in order, or the mean of the two there; where one is not a number, that."""
    axes = tuple(sorted(axis % x.ndim for axis in axes)) if x.ndim else ()
    last = x.movedim(axes, tuple(range(-len(axes), 0))).flatten(x.ndim - len(axes)) if axes else x.reshape(1)
    ordered = torch.sort(last, -1).values
    count = ordered.shape[-1]
    middle = (ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2
    middle = torch.where(ordered[..., -1].isnan(), ordered[..., -1], middle)  # nan comes last in order
    return middle.reshape([1 if axis in axes else size for axis, size in enumerate(x.shape)]) if keep else middle


@dataclass(frozen=True)
class CountNonzero(Op):
    """out = how many values of x along ``axis`` (one, several or None for all) are not 0, in int64."""

    axis: int | tuple[int, ...] | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the axes."""
        axes = axes_of(x, self.axis)
        return Spec(tuple(size for i, size in enumerate(x.shape) if i not in axes), "int64")

    def run(self, x: Any) -> Any:
        """Return torch's count_nonzero; of a whole tensor it counts all."""
        return torch.count_nonzero(x, self.axis)


def count_nonzero(x: Any, axis: int | Iterable[int] | None = None) -> Any:
    """Return how many values of x along ``axis`` (one, several, None: all) are not 0."""
    return CountNonzero(axis if axis is None or isinstance(axis, int) else tuple(axis))(x)


def reducer(function: str) -> Callable[..., Any]:
    """Return the user's function of that name: ``mean(x, axis=None, keepdims=False)``."""

    def reduce(x: Any, axis: int | Iterable[int] | None = None, keepdims: bool = False) -> Any:
        axes = axis if axis is None or isinstance(axis, int) else tuple(axis)
        if axes == ():
            raise UsageError(f"{function} expects at least one axis, got {axis}", hint="axis=None is every axis")
        return Reduction(function, axes, keepdims)(x)

    reduce.__name__ = function
    reduce.__doc__ = (
        f"Return the {function} of x along ``axis`` (one, several, None: all); ``keepdims`` leaves size 1 there."
    )
    return reduce


def __getattr__(name: str) -> Any:
    name = OTHER_NAMES.get(name, name)
    if name not in REDUCTIONS:
        raise AttributeError(f"there is no reduction {name!r}")
    return reducer(name)
