"""Conversions between RGB, grayscale and HSV."""

from __future__ import annotations

from layercli.core import dtypes
from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.errors import DTypeError, ShapeError
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.nn.window_arguments import channels_first
from layercli.ops.numpy.arithmetic import maximum, minimum, mod, multiply, subtract
from layercli.ops.numpy.clipping import clip
from layercli.ops.numpy.einsum import einsum
from layercli.ops.numpy.elementwise import Unary
from layercli.ops.numpy.joining import Unstack, stack
from layercli.ops.numpy.logic import equal, greater, less, where
from layercli.ops.numpy.reshaping import expand_dims

GREY = (0.2989, 0.5870, 0.1140)
"""The luma weights of red, green and blue."""

EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
"""The value below which a color is black, by dtype."""


def rgb_to_grayscale(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Return 0.2989 R + 0.587 G + 0.114 B of an image or a batch, as one channel; grayscale images are returned
    unchanged.
    """
    x = convert_to_tensor(images)
    spec, axis = _checked(x, data_format, (1, 3))
    if spec.shape[axis] == 1:
        return x
    values = x if dtypes.is_floating(spec.dtype) else cast(x, "float32")
    weights = cast(convert_to_tensor(list(GREY)), spec_of(values).dtype)
    grey = einsum("...hwc,c->...hw" if axis == -1 else "...chw,c->...hw", values, weights)
    return cast(expand_dims(grey, axis), spec.dtype)


def rgb_to_hsv(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Return hue, saturation and value, each in [0, 1], of RGB images in [0, 1].

    Raises DTypeError where the dtype is not floating, ShapeError where there are not 3 channels.
    """
    x = convert_to_tensor(images)
    spec, axis = _checked(x, data_format, (3,), floating=True)
    x = where(less(Unary("absolute")(x), EPSILON[spec.dtype]), 0.0, x)
    red, green, blue = Unstack(3, axis)(x)
    value = maximum(maximum(red, green), blue)
    spread = subtract(value, minimum(minimum(red, green), blue))
    saturation = where(greater(value, 0), spread / where(greater(value, 0), value, 1.0), 0.0)
    scale = 1.0 / (6.0 * where(greater(spread, 0), spread, 1.0))
    hue = where(equal(value, green), scale * (blue - red) + 2.0 / 6.0, scale * (red - green) + 4.0 / 6.0)
    hue = where(equal(value, red), scale * (green - blue), hue)
    hue = where(greater(spread, 0), hue, 0.0) + cast(less(hue, 0.0), spec.dtype)
    return stack([hue, saturation, value], axis)


def hsv_to_rgb(images: TensorLike, data_format: str | None = None) -> Tensor:
    """Return RGB images in [0, 1] of hue, saturation and value, each in [0, 1].

    Raises DTypeError where the dtype is not floating, ShapeError where there are not 3 channels.
    """
    x = convert_to_tensor(images)
    _, axis = _checked(x, data_format, (3,), floating=True)
    hue, saturation, value = Unstack(3, axis)(x)
    turn = multiply(mod(hue, 1.0), 6.0)
    parts = [
        clip(Unary("absolute")(turn - 3.0) - 1.0, 0.0, 1.0),
        clip(2.0 - Unary("absolute")(turn - 2.0), 0.0, 1.0),
        clip(2.0 - Unary("absolute")(turn - 4.0), 0.0, 1.0),
    ]
    return stack([value * ((1.0 - saturation) + saturation * part) for part in parts], axis)


def _checked(
    x: object, data_format: str | None, channels: tuple[int, ...], *, floating: bool = False
) -> tuple[Spec, int]:
    """Return x's spec and its channel axis; ShapeError or DTypeError for an invalid rank, number of channels or dtype."""
    spec, axis = spec_of(x), -3 if channels_first(data_format) else -1
    if spec.rank not in (3, 4):
        raise ShapeError(f"expects x with 3 or 4 axes, got {spec.rank} (x = {spec})")
    if isinstance(spec.shape[axis], int) and spec.shape[axis] not in channels:
        raise ShapeError(
            f"expects x with {' or '.join(map(str, channels))} channels, got {spec.shape[axis]} (x = {spec})"
        )
    if floating and not dtypes.is_floating(spec.dtype):
        raise DTypeError(f"expects x of a floating dtype (x = {spec})")
    return spec, axis
