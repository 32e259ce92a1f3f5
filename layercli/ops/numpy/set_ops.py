"""What there is among values: the places that are not 0, the values that differ. How many, only the values say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.dims import UNKNOWN, Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.lazy import F, torch
from layercli.ops.core.axes import axis_of
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.numpy.reshaping import ravel


@dataclass(frozen=True)
class Nonzero(Op):
    """The places of x that are not 0: for each axis their numbers along it, in int64."""

    def spec(self, x: Spec) -> tuple[Spec, ...]:
        """Return one vector for each axis, all of a size that is not known."""
        return (Spec((UNKNOWN,), "int64"),) * x.rank

    def run(self, x: Any) -> Any:
        """Return torch's nonzero."""
        return tuple(torch.nonzero(x, as_tuple=True))


@dataclass(frozen=True)
class Unique(Op):
    """The places of x along ``axis`` that differ, in order, each once; then, where they are wanted:

    ``index``, the first place each is at; ``inverse``, which of them each place of x is; ``counts``, how often each is there.
    ``size`` cuts their number, or fills it up with ``fill_value``, None being the first of them.
    """

    axis: int = 0
    index: bool = False
    inverse: bool = False
    counts: bool = False
    size: int | None = None
    fill_value: float | None = None

    def spec(self, x: Spec) -> tuple[Spec, ...]:
        """Return as many places along the axis as ``size`` says, or as are not known."""
        axis = axis_of(x, self.axis)
        count: Size = UNKNOWN if self.size is None else self.size
        found = [Spec((*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype)]
        found += [Spec((count,), "int64")] * self.index
        found += [Spec((x.shape[axis],), "int64")] * self.inverse
        return (*found, *[Spec((count,), "int64")] * self.counts)

    def run(self, x: Any) -> Any:
        """Return torch's unique, and what can be told from it."""
        axis = self.axis % x.ndim
        values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=axis)
        places = torch.arange(len(inverse), device=x.device)
        first = torch.full_like(counts, len(inverse)).scatter_reduce(0, inverse, places, "amin")
        found = [self._sized(values, axis, self.fill_value)]
        found += [self._sized(first, 0, None)] * self.index
        return (*found, *[inverse] * self.inverse, *[self._sized(counts, 0, 0)] * self.counts)

    def _sized(self, values: Any, axis: int, fill: float | None) -> Any:
        """Return the values cut to the size, or filled up to it."""
        count = values.shape[axis]
        if self.size is None or self.size == count:
            return values
        if self.size < count:
            return values.narrow(axis, 0, self.size)
        if fill is None:
            missing = [self.size - count if i == axis else -1 for i in range(values.ndim)]
            return torch.cat([values, values.narrow(axis, 0, 1).expand(missing)], axis)
        return F.pad(values, [0, 0] * (values.ndim - 1 - axis) + [0, self.size - count], value=fill)


def nonzero(x: Any) -> tuple[Any, ...]:
    """Return for each axis of x the numbers, in int64, of the places along it that are not 0; how many is not known before."""
    found: tuple[Any, ...] = Nonzero()(convert_to_tensor(x))
    return found


def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: float | None = None,
) -> Any:
    """Return the values of x, or its places along ``axis``, that differ, in order (``sorted`` or not), each once.

    Then, as a tuple with what is wanted: the first place each is at, which of them each place of x is, how often each is
    there. ``size`` cuts their number or fills it up with ``fill_value`` (None: the first).
    """
    x, along = convert_to_tensor(x), 0 if axis is None else axis
    found = Unique(along, return_index, return_inverse, return_counts, size, fill_value)(
        ravel(x) if axis is None else x
    )
    if return_inverse and axis is None:
        at = 1 + return_index
        found = (*found[:at], _shaped_like(found[at], x), *found[at + 1 :])
    return found if len(found) > 1 else found[0]


def _shaped_like(places: Any, x: Any) -> Any:
    from layercli.ops.numpy.reshaping import reshape

    return reshape(places, tuple(x.shape))
