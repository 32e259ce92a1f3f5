"""Cumulative sums and products, and discrete differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import DTypeLike, Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.core.slicing import GetItem, StridedSlice
from layercli.ops.numpy.arithmetic import subtract
from layercli.ops.numpy.logic import not_equal
from layercli.ops.numpy.reductions import replace_nan
from layercli.ops.numpy.reshaping import ravel

TOTALS: dict[str, Callable[..., Tensor]] = {
    "cumsum": lambda x, axis, dtype: torch.cumsum(x, axis, dtype=dtype),
    "cumprod": lambda x, axis, dtype: torch.cumprod(x, axis, dtype=dtype),
    "nancumsum": lambda x, axis, dtype: torch.cumsum(replace_nan(x, 0), axis, dtype=dtype),
    "nancumprod": lambda x, axis, dtype: torch.cumprod(replace_nan(x, 1), axis, dtype=dtype),
}
"""Cumulative functions of (x, axis, dtype)."""


@dataclass(frozen=True)
class Cumulative(Op):
    """out[i] = function of x[0], ..., x[i] along ``axis``; ``function`` is a key of ``TOTALS``; ``dtype`` of the
    result, or None.
    """

    function: str
    axis: int
    dtype: str | None = None

    def spec(self, x: Spec) -> Spec:
        """Return x's shape; sums of booleans are int32, as in Keras."""
        axis_of(x, self.axis)
        return Spec(x.shape, self.dtype or dtypes.of_count(x.dtype))

    def run(self, x: Tensor) -> Tensor:
        """Return torch's function of x."""
        return TOTALS[self.function](x, self.axis, getattr(torch, self.spec(spec_of(x)).dtype))


def cumsum(x: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Return the cumulative sums x[0], x[0] + x[1], ... along ``axis``; None flattens x."""
    return _running("cumsum", x, axis, dtype)


def cumprod(x: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Return the cumulative products x[0], x[0] * x[1], ... along ``axis``; None flattens x."""
    return _running("cumprod", x, axis, dtype)


def nancumsum(x: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Return ``cumsum`` of x with NaN counting as 0."""
    return _running("nancumsum", x, axis, dtype)


def nancumprod(x: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Return ``cumprod`` of x with NaN counting as 1."""
    return _running("nancumprod", x, axis, dtype)


def diff(a: TensorLike, n: int = 1, axis: int = -1) -> Tensor:
    """Return the differences a[i + 1] - a[i] along ``axis``, applied ``n`` times; for booleans whether they differ."""
    if n < 0:
        raise UsageError(f"diff expects n to be at least 0, got {n}")
    a = a if hasattr(a, "shape") else convert_to_tensor(a)
    spec = spec_of(a)
    before = (StridedSlice(),) * axis_of(spec, axis)
    difference: Any = not_equal if spec.dtype == "bool" else subtract
    size = spec.shape[len(before)]
    for _ in range(min(n, size) if isinstance(size, int) else n):  # with none left there is nothing to subtract
        a = difference(GetItem((*before, StridedSlice(1)))(a), GetItem((*before, StridedSlice(None, -1)))(a))
    return convert_to_tensor(a)


def _running(function: str, x: TensorLike, axis: int | None, dtype: object) -> Tensor:
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return Cumulative(function, axis, None if dtype is None else dtypes.of_count(dtypes.name_of(dtype)))(x)
