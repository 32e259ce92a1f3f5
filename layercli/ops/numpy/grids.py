"""Coordinate grids, Vandermonde matrices and the trapezoidal rule."""

from __future__ import annotations

import math
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import MultiOutputOp, spec_of
from layercli.core.spec import Spec, shape_of
from layercli.core.types import ShapeLike, Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError, with_and
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of, check_rank
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.core.scatter_gather import check_whole
from layercli.ops.core.slicing import GetItem, StridedSlice
from layercli.ops.numpy.arithmetic import power
from layercli.ops.numpy.cumulative import diff
from layercli.ops.numpy.ranges import arange
from layercli.ops.numpy.rearrangement import Flip
from layercli.ops.numpy.reductions import Reduction
from layercli.ops.numpy.reshaping import expand_dims, reshape


@dataclass(frozen=True)
class Meshgrid(MultiOutputOp):
    """out[k][i0, i1, ...] = x_k[i_k] for each vector x_k; for ``xy`` indexing the first two axes are exchanged."""

    indexing: str = "xy"

    def spec(self, *xs: Spec) -> tuple[Spec, ...]:
        """Return one spec with the sizes of all vectors for each vector; ShapeError where an input is not a vector."""
        if any(x.rank > 1 for x in xs):
            raise ShapeError(f"expects vectors, got {with_and(xs)}")
        sizes = [dims.product(x.shape) for x in xs]
        if self.indexing == "xy":
            sizes[:2] = sizes[:2][::-1]
        return tuple(Spec(tuple(sizes), x.dtype) for x in xs)

    def run(self, *xs: Any) -> tuple[Tensor, ...]:
        """Return expanded views of the vectors."""
        shape = [int(size) for size in self.spec(*(Spec(tuple(x.shape)) for x in xs))[0].shape] if xs else []
        axes = list(range(len(xs)))
        if self.indexing == "xy":
            axes[:2] = axes[:2][::-1]
        return tuple(
            x.reshape([-1 if i == axis else 1 for i in range(len(xs))]).expand(shape)
            for axis, x in zip(axes, xs, strict=True)
        )


@dataclass(frozen=True)
class UnravelIndex(MultiOutputOp):
    """out[k] = the index along axis k of ``shape`` for each flat index; negative ones count from the end."""

    shape: tuple[int, ...]

    def spec(self, indices: Spec) -> tuple[Spec, ...]:
        """Return indices' spec for each axis."""
        check_whole(indices)
        return (indices,) * len(self.shape)

    def run(self, indices: Tensor) -> tuple[Tensor, ...]:
        """Return the remainders of division by each size, from the last; an index beyond the end becomes the last."""
        check_whole(spec_of(indices))
        unraveled, total = [], math.prod(self.shape)
        indices = torch.where(indices < 0, indices + total, indices).clamp(0, total - 1)
        for size in reversed(self.shape):
            unraveled.append(indices % size)
            indices = torch.div(indices, size, rounding_mode="floor")
        return tuple(reversed(unraveled))


def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Tensor]:
    """Return the coordinate tensors of the grid of vectors x, one for each; ``ij`` indexing keeps the order of axes,
    ``xy`` exchanges the first two.
    """
    if indexing not in ("xy", "ij"):
        raise UsageError(f"meshgrid expects indexing to be xy or ij, got {indexing!r}")
    return list(Meshgrid(indexing)(*map(convert_to_tensor, x))) if x else []


def unravel_index(indices: TensorLike, shape: ShapeLike) -> tuple[Tensor, ...]:
    """Return the indices along each axis of ``shape`` for flat ``indices``, as a tuple."""
    sizes = shape_of((shape,) if isinstance(shape, int) else shape)
    return UnravelIndex(tuple(map(int, sizes)))(convert_to_tensor(indices))


def vander(x: TensorLike, N: Size | None = None, increasing: bool = False) -> Tensor:
    """Return the Vandermonde matrix of the vector x, N (None: its length) columns of descending powers, or
    ``increasing`` ones.
    """
    x = convert_to_tensor(x)
    spec = spec_of(x)
    check_rank(spec, 1)
    if isinstance(N, int) and N < 0:
        raise UsageError(f"vander expects N of at least 0, got {N}")
    powers = arange(spec.shape[0] if N is None else N)
    powers = powers if increasing else Flip(0)(powers)
    return power(expand_dims(x, 1), cast(powers, spec.dtype))


def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Return the integral of y along ``axis`` by the trapezoidal rule, at the sample points x, or ``dx`` apart."""
    y = convert_to_tensor(y)
    y = y if dtypes.is_floating(spec_of(y).dtype) else cast(y, "float32")
    along = axis_of(spec_of(y), axis)
    before = (StridedSlice(),) * along
    pairs = GetItem((*before, StridedSlice(1)))(y) + GetItem((*before, StridedSlice(None, -1)))(y)
    return 0.5 * Reduction("sum", along)(_widths(y, x, dx, along) * pairs)


def _widths(y: object, x: object, dx: object, axis: int) -> Any:
    """Return the distances between neighbouring sample points."""
    if x is None:
        return dx
    x = convert_to_tensor(x)
    rank = spec_of(y).rank
    if spec_of(x).rank != 1:
        return diff(x, axis=axis)
    return reshape(diff(x), tuple(-1 if i == axis else 1 for i in range(rank)))
