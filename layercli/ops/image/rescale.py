"""Rescaling by constants, and standardization by mean and variance."""

from __future__ import annotations

from layercli.core import dims
from layercli.core.operation import Op, require_tensor
from layercli.core.spec import Spec, show_shape
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.numpy.elementwise import broadcast_shapes

Constant = float | tuple[float, ...]


@dataclass(frozen=True)
class Rescale(Op):
    """out = x * scale + offset; each is a number, or one number per index of x's last axis."""

    scale: Constant
    offset: Constant = 0.0

    def spec(self, x: Spec) -> Spec:
        """Return x's shape broadcast with the constants."""
        shapes = [(len(each),) for each in (self.scale, self.offset) if isinstance(each, tuple)]
        return Spec(broadcast_shapes(x.shape, *shapes), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return the product and sum, with the constants in x's dtype and on its device."""
        require_tensor(x)
        return x * _beside(x, self.scale) + _beside(x, self.offset)


LEAST = 1e-7
"""The lower bound of the standard deviation."""


@dataclass(frozen=True)
class Standardize(Op):
    """out = (x - mean) / max(sqrt(variance), 1e-7); mean and variance have the sizes of ``axes``; ``invert`` is the
    inverse.
    """

    axes: tuple[int, ...]
    invert: bool = False

    def spec(self, x: Spec, mean: Spec, variance: Spec) -> Spec:
        """Return x's spec; ShapeError where mean's sizes differ from x's along the axes."""
        sizes = tuple(x.shape[axis] for axis in self.axes if axis < x.rank)
        if len(sizes) != len(self.axes) or not all(map(dims.may_equal, sizes, mean.shape)):
            raise ShapeError(f"expects x with the sizes {show_shape(mean.shape)} along {self.axes} (x = {x})")
        return x

    def run(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """Return the standardized values, or the original ones for ``invert``."""
        shape = tuple(x.shape[axis] if axis in self.axes else 1 for axis in range(x.ndim))
        mean, deviation = mean.reshape(shape), variance.sqrt().clamp_min(LEAST).reshape(shape)
        return mean + x * deviation if self.invert else (x - mean) / deviation


def _beside(x: Tensor, constant: Constant) -> Tensor | float:
    return torch.tensor(constant, dtype=x.dtype, device=x.device) if isinstance(constant, tuple) else constant
