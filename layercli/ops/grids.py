"""Coordinates: of every place of a grid, and of places named by one number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from layercli.core import dims
from layercli.core.op import Op, spec_of
from layercli.core.spec import Spec, shape_of
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.conversion import convert_to_tensor
from layercli.ops.indexing import check_whole


@dataclass(frozen=True)
class Meshgrid(Op):
    """out[k][i0, i1, ...] = x_k[i_k] for each vector x_k; under ``xy`` the first two axes are in each other's place."""

    indexing: str = "xy"

    def spec(self, *xs: Spec) -> tuple[Spec, ...]:
        """Return one tensor of all the vectors' sizes for each vector; ShapeError where one is none."""
        if any(x.rank > 1 for x in xs):
            raise ShapeError(f"expects vectors, got {' and '.join(map(str, xs))}")
        sizes = [dims.product(x.shape) for x in xs]
        if self.indexing == "xy":
            sizes[:2] = sizes[:2][::-1]
        return tuple(Spec(tuple(sizes), x.dtype) for x in xs)

    def run(self, *xs: Any) -> Any:
        """Return views of the vectors repeated."""
        shape = [int(size) for size in self.spec(*(Spec(tuple(x.shape)) for x in xs))[0].shape] if xs else []
        places = list(range(len(xs)))
        if self.indexing == "xy":
            places[:2] = places[:2][::-1]
        return tuple(
            x.reshape([-1 if i == place else 1 for i in range(len(xs))]).expand(shape)
            for place, x in zip(places, xs, strict=True)
        )


@dataclass(frozen=True)
class UnravelIndex(Op):
    """out[k] = the place along axis k, in ``shape``, of each place counted in a row; negative ones count from the end."""

    shape: tuple[int, ...]

    def spec(self, indices: Spec) -> tuple[Spec, ...]:
        """Return indices' spec for each axis."""
        check_whole(indices)
        return (indices,) * len(self.shape)

    def run(self, indices: Any) -> Any:
        """Return what is left of division by each size, from the last; a place beyond the end is the last."""
        check_whole(spec_of(indices))
        places, total = [], math.prod(self.shape)
        indices = torch.where(indices < 0, indices + total, indices).clamp(0, total - 1)
        for size in reversed(self.shape):
            places.append(indices % size)
            indices = torch.div(indices, size, rounding_mode="floor")
        return tuple(reversed(places))


def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """Return the coordinates of each place of the grid of vectors x, one tensor for each; ``ij`` has the axes in their order."""
    if indexing not in ("xy", "ij"):
        raise UsageError(f"meshgrid expects indexing to be xy or ij, got {indexing!r}")
    return list(Meshgrid(indexing)(*map(convert_to_tensor, x))) if x else []


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Return the places along each axis, in ``shape``, of places counted in a row."""
    sizes = shape_of((shape,) if isinstance(shape, int) else shape)
    found: tuple[Any, ...] = UnravelIndex(tuple(map(int, sizes)))(convert_to_tensor(indices))
    return found
