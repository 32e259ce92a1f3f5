"""How far apart points are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.op import Op, spec_of
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.conversion import convert_to_tensor
from layercli.ops.elementwise import broadcast_shapes, cast, log10, promoted, square, subtract
from layercli.ops.reduction import Reduction


@dataclass(frozen=True)
class Distances(Op):
    """out[..., i, j] = the distance of the points x[..., i, :] and y[..., j, :]."""

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return (..., points of x, points of y); ShapeError where they are not in one space."""
        if min(x.rank, y.rank) < 2 or not dims.may_equal(x.shape[-1], y.shape[-1]):
            raise ShapeError(f"expects points of as many coordinates each (x = {x}, y = {y})")
        return Spec((*broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-2]), promoted(x, y))

    def run(self, x: Any, y: Any) -> Any:
        """Return torch's cdist, the exact one."""
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def cdist(x: Any, y: Any) -> Any:
    """Return the distance of each point of x (..., points, coordinates) from each of y: (..., points of x, points of y)."""
    x, y = convert_to_tensor(x), convert_to_tensor(y)
    dtype = promoted(spec_of(x), spec_of(y))
    dtype = dtype if dtypes.is_floating(dtype) else "float32"
    return Distances()(*(each if spec_of(each).dtype == dtype else cast(each, dtype) for each in (x, y)))


def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Return 20 log10(max_val) - 10 log10(mean((x1 - x2)^2)): the ratio of signal and noise in decibels."""
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    first, second = spec_of(x1), spec_of(x2)
    if first.rank != second.rank or not all(map(dims.may_equal, first.shape, second.shape)):
        raise ShapeError(f"expects x1 and x2 of one shape, got {first} and {second}")
    peak = cast(convert_to_tensor(max_val), second.dtype)
    return 20 * log10(peak) - 10 * log10(Reduction("mean")(square(subtract(x1, x2))))
