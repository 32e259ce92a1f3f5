"""Bounding boxes: their formats, and what becomes of them where pixels move.

Boxes are (..., 4). In the format ``xyxy`` they are left, top, right, bottom, in pixels; ``rel_`` formats count in heights and
widths of the image.
"""

from __future__ import annotations

import math
from typing import Any

from layercli import ops
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.types import Tensor
from layercli.errors import ShapeError, UsageError, nearest

ABSOLUTE = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
FORMATS = (*ABSOLUTE, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")
NO_BOX = -1
"""The label of a box that is not there, or of which nothing is left."""


def check_format(name: str) -> str:
    """Return the name of a format in lower case; UsageError for others."""
    if name.lower() not in FORMATS:
        raise UsageError(
            f"there is no format of boxes {name!r}", hint=nearest(name.lower(), list(FORMATS)) or ", ".join(FORMATS)
        )
    return name.lower()


def convert_format(
    boxes: object, source: str, target: str, height: object = None, width: object = None, dtype: str = "float32"
) -> Any:
    """Return boxes of one format in another.

    Args:
        boxes: (..., 4), or a dict with them as ``boxes``.
        source: Their format: xyxy, yxyx, xywh, center_xywh, center_yxhw, rel_xyxy, rel_yxyx, rel_xywh or rel_center_xywh.
        target: The format to return.
        height: The height of the image, for a format ``rel_...``.
        width: The width of the image.
        dtype: The dtype to return.
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = check_format(source), check_format(target)
    relative = source.startswith("rel_"), target.startswith("rel_")
    if any(relative) and (height is None or width is None):
        raise UsageError(f"boxes from {source} to {target} need the height and the width of the image")
    boxes = ops.cast(ops.convert_to_tensor(boxes), dtype)
    if boxes.shape[-1] != 4:
        raise ShapeError(f"expects boxes whose last axis is 4, got the shape {tuple(boxes.shape)}")
    if source == target:
        return boxes
    corners = _corners(boxes, source.removeprefix("rel_"))
    if relative[0] != relative[1]:
        sizes = [ops.cast(size, dtype) for size in (width, height, width, height)]
        corners = [c * n if relative[0] else c / n for c, n in zip(corners, sizes, strict=True)]
    return _of_corners(corners, target.removeprefix("rel_"))


def _corners(boxes: Tensor, layout: str) -> list[Any]:
    """Return left, top, right and bottom of boxes, each (..., 1)."""
    first, second, third, fourth = ops.split(boxes, 4, -1)
    if layout in ("yxyx", "center_yxhw"):
        first, second, third, fourth = second, first, fourth, third
    if layout in ("xyxy", "yxyx"):
        return [first, second, third, fourth]
    if layout == "xywh":
        return [first, second, first + third, second + fourth]
    return [first - third / 2, second - fourth / 2, first + third / 2, second + fourth / 2]


def _of_corners(corners: list[Any], layout: str) -> Tensor:
    """Return boxes from left, top, right and bottom."""
    left, top, right, bottom = corners
    width, height = right - left, bottom - top
    parts = {
        "xyxy": [left, top, right, bottom],
        "yxyx": [top, left, bottom, right],
        "xywh": [left, top, width, height],
        "center_xywh": [left + width / 2, top + height / 2, width, height],
        "center_yxhw": [top + height / 2, left + width / 2, height, width],
    }
    return ops.concatenate(parts[layout], -1)


def clip_to_image_size(
    bounding_boxes: dict[str, object], height: object = None, width: object = None, bounding_box_format: str = "xyxy"
) -> dict[str, Any]:
    """Return a dict of ``boxes`` cut off at the edges of the image; ``labels`` of boxes without an area become -1.

    Args:
        bounding_boxes: The dict.
        height: The height of the image, for ``xyxy``.
        width: The width of the image, for ``xyxy``.
        bounding_box_format: ``"xyxy"`` or ``"rel_xyxy"``.
    """
    if bounding_box_format not in ("xyxy", "rel_xyxy"):
        raise UsageError(f"boxes are clipped in the format xyxy or rel_xyxy, got {bounding_box_format!r}")
    relative = bounding_box_format == "rel_xyxy"
    if not relative and (height is None or width is None):
        raise UsageError("boxes in xyxy are clipped to a height and a width")
    boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
    across, down = (1, 1) if relative else (ops.cast(width, boxes.dtype), ops.cast(height, boxes.dtype))
    left, top, right, bottom = ops.split(boxes, 4, -1)
    kept = [
        ops.minimum(ops.maximum(c, 0), n) for c, n in zip((left, top, right, bottom), (across, down) * 2, strict=True)
    ]
    clipped = {**bounding_boxes, "boxes": ops.concatenate(kept, -1)}
    labels = bounding_boxes.get("labels")
    if labels is not None:
        area = ops.squeeze((kept[2] - kept[0]) * (kept[3] - kept[1]), -1)
        clipped["labels"] = ops.where(area > 0, ops.convert_to_tensor(labels), NO_BOX)
    return clipped


def affine_transform(
    boxes: Tensor,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Tensor,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Return the boxes that enclose boxes (batch, n, 4) rotated, sheared, scaled and translated.

    Args:
        boxes: (batch, n, 4), in xyxy.
        angle: Degrees, counter-clockwise, (batch,).
        translate_x: As a part of the width, (batch,).
        translate_y: As a part of the height, (batch,).
        scale: A factor, (batch,).
        shear_x: Degrees, (batch,).
        shear_y: Degrees, (batch,).
        height: The height of the image.
        width: The width of the image.
        center_x: The centre of the map, as a part of the width; None for 0.5.
        center_y: The centre of the map, as a part of the height; None for 0.5.
        bounding_box_format: ``"xyxy"``.
    """
    only_xyxy(bounding_box_format)
    values = (angle, translate_x, translate_y, scale, shear_x, shear_y)
    angle, move_x, move_y, scale, shear_x, shear_y = (ops.cast(ops.convert_to_tensor(v), "float32") for v in values)
    across = (0.5 if center_x is None else center_x) * (width - 1)
    down = (0.5 if center_y is None else center_y) * (height - 1)
    turn, lean_x, lean_y = (-v * (math.pi / 180) for v in (angle, shear_x, shear_y))
    a = ops.cos(turn - lean_y) / ops.cos(lean_y)
    b = a * ops.tan(lean_x) + ops.sin(turn)
    c = -ops.sin(turn - lean_y) / ops.cos(lean_y)
    d = ops.cos(turn) - c * ops.tan(lean_x)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    from_x, from_y = across - move_x * (width - 1), down - move_y * (height - 1)
    a2, b2 = across - a0 * from_x - a1 * from_y, down - b0 * from_x - b1 * from_y
    rows = [ops.reshape(value, (-1, 1, 1)) for value in (a0, a1, a2, b0, b1, b2)]
    return _enclosing(ops.cast(ops.convert_to_tensor(boxes), "float32"), rows)


def only_xyxy(bounding_box_format: str) -> None:
    """Raise UsageError for a format other than xyxy."""
    if bounding_box_format != "xyxy":
        raise UsageError(f"this takes boxes in the format xyxy, got {bounding_box_format!r}")


def through_map(boxes: Tensor, maps: Any) -> Tensor:
    """Return the boxes (batch, n, 4) of images that a map (batch, 6 or 8) from output to input pixels resamples, in xyxy."""
    a0, a1, a2, b0, b1, b2, *depth = (maps[:, i, None, None] for i in range(maps.shape[1]))
    c0, c1 = depth or (0 * a0, 0 * a0)
    forward = (b1 - b2 * c1, a2 * c1 - a1, a1 * b2 - a2 * b1, b2 * c0 - b0, a0 - a2 * c0, a2 * b0 - a0 * b2)
    return _enclosing(boxes, [*forward, b0 * c1 - b1 * c0, a1 * c0 - a0 * c1, a0 * b1 - a1 * b0])


def _enclosing(boxes: Tensor, rows: list[Any]) -> Tensor:
    """Return the boxes that enclose the corners of boxes under a map of pixels: its rows of numbers, each (batch, 1, 1)."""
    left, top, right, bottom = ops.split(boxes, 4, -1)
    x, y = ops.concatenate([left, right, right, left], -1), ops.concatenate([top, top, bottom, bottom], -1)
    a, b, c, d, e, f, *depth = rows
    divisor = depth[0] * x + depth[1] * y + depth[2] if depth else 1
    x, y = (a * x + b * y + c) / divisor, (d * x + e * y + f) / divisor
    return ops.stack([ops.min(x, -1), ops.min(y, -1), ops.max(x, -1), ops.max(y, -1)], -1)


def crop(boxes: Tensor, top: Any, left: Any, height: object, width: object, bounding_box_format: str = "xyxy") -> Any:
    """Return boxes in the window of a crop, cut off at its edges; all sizes in pixels, boxes in xyxy."""
    moved = pad(boxes, -top, -left, bounding_box_format=bounding_box_format)
    return clip_to_image_size({"boxes": moved}, height, width)["boxes"]


def pad(
    boxes: Tensor, top: Any, left: Any, height: object = None, width: object = None, bounding_box_format: str = "xyxy"
) -> Tensor:
    """Return boxes in xyxy moved down by ``top`` and right by ``left`` pixels; height and width are not used, as in Keras."""
    only_xyxy(bounding_box_format)
    sides = ops.split(ops.convert_to_tensor(boxes), 4, -1)
    return ops.concatenate([side + (top if i % 2 else left) for i, side in enumerate(sides)], -1)


def moved_boxes(layer: Any, given: Any, images: Tensor, move: Any) -> dict[str, Any]:
    """Return a dict of boxes and labels as a layer leaves them that moves pixels of ``images``.

    ``move`` takes boxes in xyxy and the size (height, width) of the images and returns the boxes with their new size.
    UsageError where the layer does not know the format of the boxes, or some of them are missing.
    """
    if layer.bounding_box_format is None:
        raise UsageError("needs bounding_box_format to move bounding_boxes", hint="bounding_box_format='xyxy'")
    if not isinstance(given, dict) or not {"boxes", "labels"} <= set(given):
        found = ", ".join(map(repr, given)) if isinstance(given, dict) else type(given).__name__
        raise UsageError(f"expects bounding_boxes with boxes and labels, got {found or 'none'}")
    if isinstance(images, SymbolicTensor):
        return given
    size = images.shape[2:] if layer.channels_first else images.shape[1:3]
    boxes = convert_format(given["boxes"], layer.bounding_box_format, "xyxy", *size)
    boxes, (height, width) = move(boxes, tuple(size))
    clipped = clip_to_image_size({**given, "boxes": boxes}, height, width)
    converted: dict[str, Any] = convert_format(clipped, "xyxy", layer.bounding_box_format, height, width)
    return converted
