"""Padding, cropping and resizing of images."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.errors import ShapeError, UnknownSizeError, UsageError
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.core.slicing import GetItem, StridedSlice
from layercli.ops.image.batching import as_batch
from layercli.ops.image.resize import Resize, check_interpolation
from layercli.ops.nn.window_arguments import channels_first
from layercli.ops.numpy.padding import Pad

Given = int | None


def pad_images(
    images: TensorLike,
    top_padding: Given = None,
    left_padding: Given = None,
    bottom_padding: Given = None,
    right_padding: Given = None,
    target_height: Given = None,
    target_width: Given = None,
    data_format: str | None = None,
) -> Tensor:
    """Return an image or a batch padded with zeros.

    Per axis give two of: padding before, padding after, target size. Raises UsageError otherwise, or for negative
    padding.
    """
    x = convert_to_tensor(images)
    axes = _axes(spec_of(x), data_format)
    given = {
        "height": (top_padding, bottom_padding, target_height),
        "width": (left_padding, right_padding, target_width),
    }
    pads = [(0, 0)] * spec_of(x).rank
    for axis, (name, values) in zip(axes, given.items(), strict=True):
        pads[axis] = _pads(spec_of(x), axis, name, *values)
    return Pad(tuple(pads))(x)


def crop_images(
    images: TensorLike,
    top_cropping: Given = None,
    left_cropping: Given = None,
    bottom_cropping: Given = None,
    right_cropping: Given = None,
    target_height: Given = None,
    target_width: Given = None,
    data_format: str | None = None,
) -> Tensor:
    """Return an image or a batch cropped at its edges.

    Per axis give two of: cropping before, cropping after, target size. Raises UsageError otherwise, or where nothing is
    left.
    """
    x = convert_to_tensor(images)
    axes = _axes(spec_of(x), data_format)
    given = {
        "height": (top_cropping, bottom_cropping, target_height),
        "width": (left_cropping, right_cropping, target_width),
    }
    parts = [StridedSlice()] * spec_of(x).rank
    for axis, (name, values) in zip(axes, given.items(), strict=True):
        parts[axis] = _kept(spec_of(x), axis, name, *values)
    return GetItem(tuple(parts))(x)


def resize(
    images: TensorLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Return an image or a batch resized to ``size``, (height, width), by nearest, bilinear or bicubic interpolation.

    The aspect ratio changes unless the images are first cropped to the target's (``crop_to_aspect_ratio``) or padded
    with ``fill_value`` to it (``pad_to_aspect_ratio``). ``antialias`` widens the kernel where images shrink.
    """
    check_interpolation(interpolation, "resize")
    if fill_mode != "constant":
        raise UsageError(f"resize expects fill_mode to be constant, got {fill_mode!r}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise UsageError("resize expects one of crop_to_aspect_ratio and pad_to_aspect_ratio, got both")
    if len(size) != 2:
        raise UsageError(f"resize expects a size of a height and a width, got {size}")
    ratio = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else ""
    wanted = int(size[0]), int(size[1])
    op = Resize(wanted, interpolation, antialias, channels_first(data_format), ratio, fill_value)
    return as_batch(op, convert_to_tensor(images))


def _axes(x: Spec, data_format: str | None) -> tuple[int, int]:
    """Return the axes of height and width."""
    if x.rank not in (3, 4):
        raise ShapeError(f"expects x with 3 or 4 axes, got {x.rank} (x = {x})")
    return (x.rank - 2, x.rank - 1) if channels_first(data_format) else (x.rank - 3, x.rank - 2)


def _pads(x: Spec, axis: int, name: str, before: Given, after: Given, target: Given) -> tuple[int, int]:
    """Return the padding before and after an axis from two of three arguments."""
    _check_two("pad_images", name, "padding", before, after, target)
    if target is not None:
        size = x.shape[axis]
        if not isinstance(size, int):
            raise UnknownSizeError(f"pad_images expects a known {name} to pad to {target} (x = {x})")
        missing = target - size
        before, after = (missing - (after or 0), after) if before is None else (before, missing - before)
    if before is None or after is None or min(before, after) < 0:
        raise UsageError(f"pad_images expects paddings of the {name} of at least 0, got {before} and {after} (x = {x})")
    return before, after


def _kept(x: Spec, axis: int, name: str, before: Given, after: Given, target: Given) -> StridedSlice:
    """Return the first and the last kept index of an axis from two of three arguments."""
    _check_two("crop_images", name, "cropping", before, after, target)
    size = x.shape[axis]
    if isinstance(size, int):
        start = size - (target or 0) - (after or 0) if before is None else before
        stop = start + target if target is not None else size - (after or 0)
        if not 0 <= start <= stop <= size:
            raise UsageError(
                f"crop_images expects croppings of the {name} that leave something, got {start} to {stop} (x = {x})"
            )
        return StridedSlice(start, stop)
    if before is None:
        return StridedSlice(-((target or 0) + (after or 0)), -after if after else None)
    return StridedSlice(before, before + target if target is not None else -after if after else None)


def _check_two(owner: str, name: str, what: str, before: Given, after: Given, target: Given) -> None:
    if sum(value is not None for value in (before, after, target)) != 2:
        ends = "top, bottom" if name == "height" else "left, right"
        raise UsageError(
            f"{owner} expects two of the {ends} {what} and the target {name}, got {before}, {after} and {target}"
        )
