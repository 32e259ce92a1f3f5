"""Reductions along axes: sum, mean, extremes, variance, median and their NaN-ignoring variants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from layercli.core import dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of, given_axes
from layercli.ops.core.conversion import cast
from layercli.ops.numpy.creation import as_int

REDUCTIONS: dict[str, Callable[[Any, tuple[int, ...], bool], Tensor]] = {
    "sum": lambda x, axes, keep: torch.sum(x, axes, keep),
    "mean": lambda x, axes, keep: torch.mean(_floating(x), axes, keep),
    "max": lambda x, axes, keep: torch.amax(x, axes, keep),
    "min": lambda x, axes, keep: torch.amin(x, axes, keep),
    "prod": lambda x, axes, keep: _product(x, axes, keep),
    "var": lambda x, axes, keep: torch.var(_floating(x), axes, correction=0, keepdim=keep),
    "std": lambda x, axes, keep: torch.std(_floating(x), axes, correction=0, keepdim=keep),
    "all": lambda x, axes, keep: torch.all(x.bool(), axes, keep),  # torch gives uint8 for uint8
    "any": lambda x, axes, keep: torch.any(x.bool(), axes, keep),
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
"""The reductions, as functions of (x, axes, keepdims)."""

Axes = int | Iterable[int] | None
"""One axis, several, or None for all of them."""

MAKE_FLOATS = {"mean", "var", "std", "logsumexp", "median", "nanmean", "nanvar", "nanstd"}
EXTREMES = {"max", "min", "ptp", "nanmax", "nanmin", "median"}
"""Reductions that need at least one value."""

WIDEN = {"sum", "prod", "nansum", "nanprod"}
"""Reductions whose result for integers is at least int32, as in Keras."""


@dataclass(frozen=True)
class Reduction(Op):
    """out = function(x) along ``axis``: one axis, several, or None for all; ``function`` is a key of ``REDUCTIONS``.

    ``initial``, for ``max`` and ``min``, is one more value of each reduction.
    """

    function: str
    axis: int | tuple[int, ...] | None = None
    keepdims: bool = False
    initial: float | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the axes, or with the size 1 there; ShapeError where no value has an extremum."""
        axes = axes_of(x, self.axis)
        if self.function in EXTREMES and self.initial is None and 0 in [x.shape[axis] for axis in axes]:
            raise ShapeError(f"{self.function} expects at least one value (x = {x})")
        kept = [1 if i in axes else size for i, size in enumerate(x.shape) if self.keepdims or i not in axes]
        return Spec(tuple(kept), self._dtype(x.dtype))

    def run(self, x: Tensor) -> Tensor:
        """Return torch's function of x."""
        if self.initial is not None:
            return self._with_initial(x, self.initial)
        axes = tuple(range(x.ndim)) if self.axis is None else self.axis
        if axes == () and x.ndim:
            x, axes = x.unsqueeze(-1), (-1,)  # of each value alone; torch would reduce all axes
            if self.keepdims:
                return Reduction(self.function, axes)(x)
        out = REDUCTIONS[self.function](x, axes if isinstance(axes, tuple) else (axes,), self.keepdims)
        return out.int() if out.dtype is torch.int64 and x.dtype is not torch.int64 else out

    def _with_initial(self, x: Tensor, value: float) -> Tensor:
        """Return the extremum of x and ``value``; without any value of x to reduce, ``value``."""
        shape = [as_int(size) for size in self.spec(spec_of(x)).shape]
        initial = torch.full(shape, value, dtype=x.dtype, device=x.device)
        if not x.numel():
            return initial
        found = Reduction(self.function, self.axis, self.keepdims).run(x)
        return torch.maximum(found, initial) if self.function == "max" else torch.minimum(found, initial)

    def _dtype(self, dtype: str) -> str:
        if self.function in ("all", "any"):
            return "bool"
        if self.function in MAKE_FLOATS and dtypes.rank(dtype) < 2:
            return "float32"
        return dtypes.of_sum(dtype) if self.function in WIDEN else dtype


def _floating(x: Tensor) -> Tensor:
    return x if x.is_floating_point() or x.is_complex() else x.float()


def replace_nan(x: Tensor, value: float) -> Tensor:
    """Return x with NaN replaced by ``value``."""
    return torch.where(x.isnan(), value, x) if x.is_floating_point() else x


def _extreme(reduce: Any, end: float, x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    """Return the extremum of x, ignoring NaN; NaN where all values are NaN."""
    if not x.is_floating_point():
        out: Tensor = reduce(x, axes, keep)
        return out
    return torch.where(torch.all(x.isnan(), axes, keep), float("nan"), reduce(replace_nan(x, end), axes, keep))


def _variance(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    """Return the variance of x, ignoring NaN; no gradient flows to NaN."""
    is_nan = x.isnan()
    deviations = torch.where(is_nan, 0, x - torch.nanmean(x, axes, True))
    return torch.sum(torch.square(deviations), axes, keep) / torch.sum(~is_nan, axes, keep)


def _product(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    """Return the product axis by axis, from the last, so that the other axes keep their numbers."""
    if not axes:
        return torch.prod(x)
    for axis in sorted(axes_of(spec_of(x), axes), reverse=True):
        x = torch.prod(x, axis, keep)
    return x


def _median(x: Tensor, axes: tuple[int, ...], keep: bool) -> Tensor:
    """Return the middle of the sorted values, or the mean of the two middle ones; NaN where x holds NaN."""
    axes = tuple(sorted(axes_of(spec_of(x), axes)))
    last = x.movedim(axes, tuple(range(-len(axes), 0))).flatten(x.ndim - len(axes)) if axes else x.reshape(1)
    ordered = torch.sort(last, -1).values
    count = ordered.shape[-1]
    middle = (ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2
    middle = torch.where(ordered[..., -1].isnan(), ordered[..., -1], middle)  # NaN sorts last
    return middle.reshape([1 if axis in axes else size for axis, size in enumerate(x.shape)]) if keep else middle


@dataclass(frozen=True)
class CountNonzero(Op):
    """out = the number of nonzero values of x along ``axis`` (one, several or None for all), in int32."""

    axis: int | tuple[int, ...] | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the axes."""
        axes = axes_of(x, self.axis)
        return Spec(tuple(size for i, size in enumerate(x.shape) if i not in axes), dtypes.INDEX)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's count_nonzero."""
        return (x != 0).int() if self.axis == () else torch.count_nonzero(x, self.axis).int()


def count_nonzero(x: TensorLike, axis: int | Iterable[int] | None = None) -> Tensor:
    """Return the number of nonzero values of x along ``axis`` (one, several, None: all), in int32."""
    return CountNonzero(given_axes(axis))(x)


def all(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return whether all values of x along ``axis`` are nonzero, as booleans."""
    return _reduce("all", x, axis, keepdims)


def amax(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the maximum of x along ``axis``; the same as ``max``."""
    return _reduce("max", x, axis, keepdims)


def amin(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the minimum of x along ``axis``; the same as ``min``."""
    return _reduce("min", x, axis, keepdims)


def any(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return whether any value of x along ``axis`` is nonzero, as a boolean."""
    return _reduce("any", x, axis, keepdims)


def logsumexp(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return log(sum(exp(x))) along ``axis``, without overflow."""
    return _reduce("logsumexp", x, axis, keepdims)


def max(x: TensorLike, axis: Axes = None, keepdims: bool = False, initial: float | None = None) -> Tensor:
    """Return the maximum of x and, where given, of ``initial`` along ``axis``; ``initial`` is the result for no values."""
    return _reduce("max", x, axis, keepdims, initial)


def mean(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the mean of x along ``axis``."""
    return _reduce("mean", x, axis, keepdims)


def median(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the median of x along ``axis``: the middle value, or the mean of the two middle values; NaN where x holds NaN."""
    return _reduce("median", x, axis, keepdims)


def min(x: TensorLike, axis: Axes = None, keepdims: bool = False, initial: float | None = None) -> Tensor:
    """Return the minimum of x and, where given, of ``initial`` along ``axis``; ``initial`` is the result for no values."""
    return _reduce("min", x, axis, keepdims, initial)


def nanmax(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the maximum of x along ``axis``, ignoring NaN; NaN where all values are NaN."""
    return _reduce("nanmax", x, axis, keepdims)


def nanmean(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the mean of x along ``axis``, ignoring NaN."""
    return _reduce("nanmean", x, axis, keepdims)


def nanmin(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the minimum of x along ``axis``, ignoring NaN; NaN where all values are NaN."""
    return _reduce("nanmin", x, axis, keepdims)


def nanprod(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the product of x along ``axis``, NaN counting as 1."""
    return _reduce("nanprod", x, axis, keepdims)


def nanstd(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation of x along ``axis``, ignoring NaN."""
    return _reduce("nanstd", x, axis, keepdims)


def nansum(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the sum of x along ``axis``, NaN counting as 0."""
    return _reduce("nansum", x, axis, keepdims)


def nanvar(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the variance of x along ``axis``, ignoring NaN."""
    return _reduce("nanvar", x, axis, keepdims)


def prod(x: TensorLike, axis: Axes = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """Return the product of x, cast to ``dtype`` first where one is given, along ``axis``; int32 for integers, int64 for int64."""
    if dtype is None:
        return _reduce("prod", x, axis, keepdims)
    return cast(_reduce("prod", cast(x, dtype), axis, keepdims), dtype)


def ptp(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return max(x) - min(x) along ``axis``."""
    return _reduce("ptp", x, axis, keepdims)


def std(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation sqrt(mean((x - mean(x))^2)) of x along ``axis``."""
    return _reduce("std", x, axis, keepdims)


def sum(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the sum of x along ``axis``; int32 for booleans and integers, int64 for int64."""
    return _reduce("sum", x, axis, keepdims)


def var(x: TensorLike, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Return the variance mean((x - mean(x))^2) of x along ``axis``."""
    return _reduce("var", x, axis, keepdims)


def _reduce(function: str, x: object, axis: Axes, keepdims: bool, initial: float | None = None) -> Tensor:
    return Reduction(function, given_axes(axis), keepdims, initial)(x)
