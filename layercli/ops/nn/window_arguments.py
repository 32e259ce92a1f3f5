"""Checks of the arguments of convolutions and poolings: spatial axes, sizes, padding and data format."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.core.image_format import standardized
from layercli.core.operation import spec_of
from layercli.core.types import Tensor
from layercli.errors import ShapeError, UsageError, nearest

Sizes = int | Sequence[int]


def _spatial_axes(inputs: Tensor) -> int:
    """Return the number of spatial axes of the inputs; ShapeError where it is not 1 to 3."""
    axes = len(spec_of(inputs).shape) - 2
    if axes not in (1, 2, 3):
        raise ShapeError(f"expects x with 3 to 5 axes, got {axes + 2} (x = {spec_of(inputs)})")
    return axes


def each(value: Sizes, axes: int, name: str, least: int = 1) -> tuple[int, ...]:
    """Return one number per axis, of at least ``least``; UsageError for another number of values."""
    sizes = (value,) * axes if isinstance(value, int) else tuple(value)
    if len(sizes) != axes:
        raise UsageError(f"expects {name} to be one number or {axes}, got {value}")
    if sizes and min(sizes) < least:
        raise UsageError(f"expects {name} to be at least {least}, got {value}")
    return sizes


def checked_padding(padding: str, more: tuple[str, ...] = ()) -> str:
    """Return the padding in lower case; UsageError for an unknown one."""
    known = ["valid", "same", *more]
    if padding.lower() not in known:
        raise UsageError(f"there is no padding {padding!r}", hint=nearest(padding, known))
    return padding.lower()


def channels_first(data_format: str | None) -> bool:
    """Return whether channels come before the spatial axes; None is the default of ``config.set_image_data_format``."""
    return standardized(data_format) == "channels_first"
