"""The parts of batch normalization for moments that torch's kernel does not compute: masked, synchronized,
renormalized.
"""

from __future__ import annotations

import math
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.backend import get_backend
from layercli.core.dims import Size
from layercli.core.operation import MultiOutputOp, Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.numpy.elementwise import promoted

LEAST = 1e-7
"""Added to the number of unmasked positions, which may be 0."""


@dataclass(frozen=True)
class BatchMoments(MultiOutputOp):
    """mean and variance of x per channel of ``axis``, over the positions where the mask (x's shape without the last
    axis) is true.

    ``synchronized``: over the positions of all ranks of the process group. The variance is the biased one.
    """

    axis: int = -1
    synchronized: bool = False

    def spec(self, x: Spec, mask: Spec | None = None) -> tuple[Spec, Spec]:
        """Return the two specs, at least float32; ShapeError for a mask of another shape."""
        if mask is not None and not (mask.rank == x.rank - 1 and all(map(_broadcasts, mask.shape, x.shape))):
            raise ShapeError(f"expects a mask of the shape of x without its last axis (x = {x}, mask = {mask})")
        found = Spec((x.shape[self.axis],), wide(x.dtype))
        return found, found

    def run(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the mean and the mean squared deviation."""
        axes = [axis for axis in range(x.ndim) if axis != self.axis % x.ndim]
        x = x if x.dtype == torch.float64 else x.float()
        here = None if mask is None else mask.bool().unsqueeze(-1).expand(x.shape)
        total, count = self._sum(kept(x, here).sum(axes), counted(x, here, axes))
        count = count if here is None else count + LEAST
        mean = total / count
        deviations = kept(x - along(mean, x.ndim, self.axis), here)
        [squares] = self._sum(deviations.square().sum(axes))
        return mean, squares / count

    def _sum(self, *tensors: object) -> Any:
        return get_backend().all_reduce(tensors) if self.synchronized else tensors


@dataclass(frozen=True)
class Normalize(Op):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel of ``axis``, with gradients of all
    inputs.
    """

    axis: int = -1
    epsilon: float = 1e-3

    def spec(self, x: Spec, mean: Spec, variance: Spec, gamma: Spec | None = None, beta: Spec | None = None) -> Spec:
        """Return x's spec."""
        return x

    def run(
        self, x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None
    ) -> Tensor:
        """Return the result, computed in the dtype of the moments."""
        scale = torch.rsqrt(variance + self.epsilon)
        scale = scale if gamma is None else scale * gamma
        out = (x - along(mean, x.ndim, self.axis)) * along(scale, x.ndim, self.axis)
        return (out if beta is None else out + along(beta, x.ndim, self.axis)).to(x.dtype)


@dataclass(frozen=True)
class Renormalization(MultiOutputOp):
    """r = deviation / moving deviation and d = (mean - moving mean) / moving deviation, both clipped; and the
    deviation.

    deviation = sqrt(variance + epsilon). No gradient flows through the results. Reference: Ioffe, Batch
    Renormalization, 2017.
    """

    epsilon: float = 1e-3
    rmin: float | None = None
    rmax: float | None = None
    dmax: float | None = None

    def spec(self, mean: Spec, variance: Spec, moving_mean: Spec, moving_deviation: Spec) -> tuple[Spec, Spec, Spec]:
        """Return three of mean's spec."""
        found = Spec(mean.shape, promoted(mean, moving_mean))
        return found, found, found

    def run(self, mean: Tensor, variance: Tensor, moving_mean: Tensor, moving_deviation: Tensor) -> tuple[Tensor, ...]:
        """Return r, d and the deviation; the moving deviation is at least sqrt(epsilon)."""
        mean, variance = mean.detach(), variance.detach()
        deviation = (variance + self.epsilon).sqrt()
        moving = moving_deviation.detach().clamp_min(self.epsilon**0.5)
        r, d = deviation / moving, (mean - moving_mean.detach()) / moving
        r = r if self.rmin is None else r.clamp_min(self.rmin)
        r = r if self.rmax is None else r.clamp_max(self.rmax)
        return r, d if self.dmax is None else d.clamp(-self.dmax, self.dmax), deviation


def _broadcasts(size: Size, to: Size) -> bool:
    return size == 1 or dims.may_equal(size, to)


def kept(x: Tensor, here: Tensor | None) -> Tensor:
    """Return x with 0 where ``here`` is false; None keeps all."""
    return x if here is None else torch.where(here, x, 0)


def counted(x: Tensor, here: Tensor | None, axes: list[int]) -> Tensor:
    """Return the number of kept positions along ``axes`` per channel, in x's dtype."""
    if here is not None:
        return here.sum(axes).to(x.dtype)
    positions = math.prod(x.shape[axis] for axis in axes)
    return x.new_full((x.numel() // positions if positions else 0,), positions)


def wide(dtype: str) -> str:
    """Return the dtype of sums: float64 for float64, else float32."""
    return dtype if dtypes.is_floating(dtype) and dtypes.BYTES[dtype] > 4 else "float32"


def along(values: Tensor, rank: int, axis: int) -> Tensor:
    """Return one value per channel, reshaped to broadcast to tensors of ``rank`` with channels on ``axis``."""
    return values if axis in (-1, rank - 1) else values.reshape(*(-1 if i == axis % rank else 1 for i in range(rank)))
