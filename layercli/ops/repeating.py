"""Values repeated along axes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from layercli.core.dims import Size
from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.ops.axes import axis_of
from layercli.ops.extent import sizes_in


@dataclass(frozen=True)
class Repeat(Op):
    """out = x with every value along ``axis`` ``times`` in a row."""

    times: int
    axis: int

    def spec(self, x: Spec) -> Spec:
        """Return x's shape, that many times as long along the axis."""
        axis = axis_of(x, self.axis)
        return Spec((*x.shape[:axis], x.shape[axis] * self.times, *x.shape[axis + 1 :]), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's repeat_interleave."""
        return x.repeat_interleave(self.times, self.axis)


@dataclass(frozen=True)
class Tile(Op):
    """out = x as a whole repeated along its last axes, ``times`` per axis; more of them make new axes in front."""

    times: tuple[Size, ...]

    def spec(self, x: Spec) -> Spec:
        """Return the product of x's shape and ``times``, the shorter one led by ones."""
        rank = max(x.rank, len(self.times))
        shape, times = (((1,) * (rank - len(each))) + each for each in (x.shape, self.times))
        return Spec(tuple(size * n for size, n in zip(shape, times, strict=True)), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's tile."""
        return x.tile(self.times)


def repeat(x: Any, repeats: int, axis: int) -> Any:
    """Return x with every value along ``axis`` ``repeats`` times in a row."""
    return Repeat(repeats, axis)(x)


def tile(x: Any, repeats: int | Iterable[int]) -> Any:
    """Return x repeated as a whole, ``repeats`` times along each of its last axes."""
    return Tile(sizes_in(repeats))(x)
