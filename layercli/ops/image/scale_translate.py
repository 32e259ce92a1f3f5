"""Images scaled and translated along any axes with an interpolation kernel, as ``jax.image.scale_and_translate``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Shape, Spec, shape_of, show_shape
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError, UsageError, nearest
from layercli.lazy import torch
from layercli.ops.core.axes import axes_of
from layercli.ops.core.conversion import cast, convert_to_tensor

KERNELS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda x: (1 - x).clamp_min(0),
    "cubic": lambda x: _cubic(x),
    "lanczos3": lambda x: _lanczos(x, 3),
    "lanczos5": lambda x: _lanczos(x, 5),
}
"""The interpolation kernels: functions of the distance in pixels."""

OTHER_NAMES = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic", "tricubic": "cubic"}

LEAST = 1000 * 2.0**-23
"""The least sum of weights of an output pixel; with less it is 0."""


@dataclass(frozen=True)
class ScaleAndTranslate(Op):
    """out[i] = x at (i + 0.5 - translation) / scale - 0.5 along each of ``axes``, interpolated by the kernel
    ``method``.

    ``shape``: the output shape. ``antialias`` widens the kernel where the image shrinks. Values outside x are 0.
    """

    shape: Shape
    axes: tuple[int, ...]
    method: str = "linear"
    antialias: bool = True

    def spec(self, x: Spec, scale: Spec, translation: Spec) -> Spec:
        """Return the shape; ShapeError where another axis changes, or scale and translation have not one number per
        axis.
        """
        if not dtypes.is_floating(x.dtype):
            raise DTypeError(f"expects x of a floating dtype (x = {x})")
        axes = axes_of(x, self.axes)
        kept = [(a, b) for i, (a, b) in enumerate(zip(x.shape, self.shape, strict=False)) if i not in axes]
        if len(self.shape) != x.rank or not all(dims.may_equal(a, b) for a, b in kept):
            raise ShapeError(
                f"expects x whose shape differs from {show_shape(self.shape)} along {self.axes} alone, got {x}"
            )
        if any(each.shape != (len(axes),) for each in (scale, translation)):
            raise ShapeError(f"expects {len(axes)} numbers to scale and to translate by, got {scale} and {translation}")
        return Spec(self.shape, x.dtype)

    def macs(self, x: Spec, scale: Spec, translation: Spec) -> Size:
        """Return the sum over the axes of the values before x the size after."""
        shape = list(x.shape)
        total: Size = 0
        for axis in axes_of(x, self.axes):
            total = total + dims.product(shape) * self.shape[axis]
            shape[axis] = self.shape[axis]
        return total

    def run(self, x: Tensor, scale: Tensor, translation: Any) -> Tensor:
        """Return the products with one weight matrix per axis."""
        self.spec(*map(spec_of, (x, scale, translation)))
        for i, axis in enumerate(axes_of(spec_of(x), self.axes)):
            weights = self._weights(x.shape[axis], int(self.shape[axis]), scale[i], translation[i])
            x = torch.tensordot(x, weights.to(x.dtype), ([axis], [0])).movedim(-1, axis)
        return x

    def _weights(self, size: int, wanted: int, scale: Any, translation: Any) -> Tensor:
        """Return the weights (size, wanted) of each input pixel for each output pixel."""
        on = {"dtype": scale.dtype, "device": scale.device}
        wide = torch.clamp_min(1 / scale, 1.0) if self.antialias else 1.0
        positions = (torch.arange(wanted, **on) + 0.5) / scale - translation / scale - 0.5
        weights = KERNELS[self.method]((positions - torch.arange(size, **on)[:, None]).abs() / wide)
        total = weights.sum(0, keepdim=True)
        weights = torch.where(total.abs() > LEAST, weights / torch.where(total == 0, 1, total), 0)
        return torch.where((positions >= -0.5) & (positions <= size - 0.5), weights, 0)


def scale_and_translate(
    images: TensorLike,
    output_shape: Sequence[int],
    scale: TensorLike,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Return images of ``output_shape``, scaled and then translated along ``spatial_dims`` by one number per axis.

    ``method``: the kernel linear, cubic, lanczos3 or lanczos5. ``antialias`` widens it where the image shrinks.
    """
    known = OTHER_NAMES.get(method, method)
    if known not in KERNELS:
        raise UsageError(
            f"scale_and_translate has no method {method!r}", hint=nearest(method, [*KERNELS, *OTHER_NAMES])
        )
    op = ScaleAndTranslate(shape_of(output_shape), tuple(spatial_dims), known, antialias)
    return op(convert_to_tensor(images), *map(_floats, (scale, translation)))


def _floats(x: Tensor) -> Tensor:
    x = convert_to_tensor(x)
    return x if dtypes.is_floating(spec_of(x).dtype) else cast(x, "float32")


def _cubic(x: Tensor) -> Tensor:
    """Return Keys's kernel with a = -0.5."""
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, (1.5 * x - 2.5) * x * x + 1, torch.where(x < 2, far, 0))


def _lanczos(x: Tensor, radius: int) -> Tensor:
    """Return sinc(x) * sinc(x / radius) for |x| <= radius, else 0."""
    waves = radius * torch.sin(math.pi * x) * torch.sin(math.pi * x / radius)
    near = torch.where(x > 1e-3, waves / torch.where(x == 0, 1, math.pi**2 * x * x), 1)
    return torch.where(x > radius, 0, near)
