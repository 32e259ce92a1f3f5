"""Indices of nonzero values, and unique values; the number of results depends on the values."""

from __future__ import annotations

from typing import Any

from layercli.core import dtypes
from layercli.core.dims import UNKNOWN, Size
from layercli.core.operation import MultiOutputOp, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.lazy import F, torch
from layercli.ops.core.axes import axis_of
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.numpy.reshaping import ravel


@dataclass(frozen=True)
class Nonzero(MultiOutputOp):
    """The indices of the nonzero values of x: one int32 vector per axis."""

    def spec(self, x: Spec) -> tuple[Spec, ...]:
        """Return one vector of unknown size per axis."""
        return (Spec((UNKNOWN,), dtypes.INDEX),) * x.rank

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return torch's nonzero."""
        return tuple(each.int() for each in torch.nonzero(x, as_tuple=True))


def _unique(x: Tensor, axis: int) -> Any:
    """Return torch's unique slices, their numbers and counts; of a vector NaN is one value, the last, as for NumPy."""
    if x.ndim != 1 or not x.is_floating_point():
        return torch.unique(x, return_inverse=True, return_counts=True, dim=axis)
    nan = torch.isnan(x)
    pairs = torch.stack([nan.to(x.dtype), torch.where(nan, 0, x)])
    (is_nan, values), inverse, counts = torch.unique(pairs, return_inverse=True, return_counts=True, dim=1)
    return torch.where(is_nan > 0, torch.nan, values), inverse, counts


@dataclass(frozen=True)
class Unique(MultiOutputOp):
    """The unique slices of x along ``axis``, sorted; then those of the following that are wanted:

    ``index``: the first index of each; ``inverse``: the number of the unique slice at each index of x; ``counts``: the
    number of occurrences. ``size`` truncates the results, or pads them with ``fill_value`` (None: the first slice).
    """

    axis: int = 0
    index: bool = False
    inverse: bool = False
    counts: bool = False
    size: int | None = None
    fill_value: float | None = None

    def spec(self, x: Spec) -> tuple[Spec, ...]:
        """Return the specs, with ``size`` or an unknown number of unique slices."""
        axis = axis_of(x, self.axis)
        count: Size = UNKNOWN if self.size is None else self.size
        found = [Spec((*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype)]
        found += [Spec((count,), "int64")] * self.index
        found += [Spec((x.shape[axis],), "int64")] * self.inverse
        return (*found, *[Spec((count,), "int64")] * self.counts)

    def run(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return torch's unique, and the wanted indices and counts."""
        axis = self.axis % x.ndim
        values, inverse, counts = _unique(x, axis)
        positions = torch.arange(len(inverse), device=x.device)
        first = torch.full_like(counts, len(inverse)).scatter_reduce(0, inverse, positions, "amin")
        found = [self._sized(values, axis, self.fill_value)]
        found += [self._sized(first, 0, None)] * self.index
        return (*found, *[inverse] * self.inverse, *[self._sized(counts, 0, 0)] * self.counts)

    def _sized(self, values: Tensor, axis: int, fill: float | None) -> Tensor:
        """Return the values truncated or padded to ``size``."""
        count = values.shape[axis]
        if self.size is None or self.size == count:
            return values
        if self.size < count:
            return values.narrow(axis, 0, self.size)
        if fill is None:
            missing = [self.size - count if i == axis else -1 for i in range(values.ndim)]
            return torch.cat([values, values.narrow(axis, 0, 1).expand(missing)], axis)
        return F.pad(values, [0, 0] * (values.ndim - 1 - axis) + [0, self.size - count], value=fill)


def nonzero(x: TensorLike) -> tuple[Tensor, ...]:
    """Return the indices of the nonzero values of x: one int32 vector per axis, as a tuple."""
    return Nonzero()(convert_to_tensor(x))


def unique(
    x: TensorLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: float | None = None,
) -> Any:
    """Return the unique values of x, or its unique slices along ``axis``, sorted.

    With ``return_index``, ``return_inverse`` or ``return_counts`` a tuple that also holds the first index of each, the
    number of the unique value at each index of x, or the number of occurrences. ``size`` truncates the results, or pads
    them with ``fill_value`` (None: the first).
    """
    x, along = convert_to_tensor(x), 0 if axis is None else axis
    if axis is not None:
        axis_of(spec_of(x), axis)
    found = Unique(along, return_index, return_inverse, return_counts, size, fill_value)(
        ravel(x) if axis is None else x
    )
    if return_inverse and axis is None:
        at = 1 + return_index
        found = (*found[:at], _shaped_like(found[at], x), *found[at + 1 :])
    return found if len(found) > 1 else found[0]


def _shaped_like(positions: Tensor, x: Tensor) -> Tensor:
    from layercli.ops.numpy.reshaping import reshape

    return reshape(positions, spec_of(x).shape)
