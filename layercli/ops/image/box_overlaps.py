"""How far bounding boxes overlap, and boxes as differences from anchors."""

from __future__ import annotations

import math
from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.errors import ShapeError, UsageError
from layercli.ops.image.boxes import check_format, convert_format

TINY = 1e-7
"""Keras's epsilon, which is added to what is divided by."""


def _height_and_width(image_shape: Any) -> tuple[Any, Any]:
    """Return the sizes of images of a shape (height, width, ...); None for both where there is none."""
    return (None, None) if image_shape is None else tuple(image_shape[:2])


def _sides(boxes: Tensor, source: str, image_shape: object) -> list[Any]:
    """Return left, top, right and bottom of boxes, each (..., 1)."""
    return list(ops.split(convert_format(boxes, source, "xyxy", *_height_and_width(image_shape)), 4, -1))


def compute_iou(
    boxes1: Tensor,
    boxes2: Tensor,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: object = None,
) -> Tensor:
    """Return the area of the intersection over that of the union of each box of ``boxes1`` with each of ``boxes2``.

    Args:
        boxes1: (n, 4) or (batch, n, 4).
        boxes2: (m, 4) or (batch, m, 4).
        bounding_box_format: The format of both.
        use_masking: Whether boxes whose values are all below 0 get ``mask_val``.
        mask_val: The result for those.
        image_shape: (height, width, channels), for a format ``rel_...``.

    Returns:
        (n, m) or (batch, n, m).
    """
    ranks = [len(boxes.shape) for boxes in (boxes1, boxes2)]
    if not set(ranks) <= {2, 3}:
        raise ShapeError(f"expects boxes of 2 or 3 axes, got {ranks[0]} and {ranks[1]}")
    if check_format(bounding_box_format).startswith("rel_") and image_shape is None:
        raise UsageError(f"boxes in the format {bounding_box_format} need image_shape")
    own = _sides(boxes1, bounding_box_format, image_shape)
    others = [ops.swapaxes(side, -1, -2) for side in _sides(boxes2, bounding_box_format, image_shape)]
    width = ops.maximum(ops.minimum(own[2], others[2]) - ops.maximum(own[0], others[0]), 0)
    height = ops.maximum(ops.minimum(own[3], others[3]) - ops.maximum(own[1], others[1]), 0)
    both = width * height
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (own, others)]
    found = both / (areas[0] + areas[1] - both + TINY)
    if not use_masking:
        return found
    none = [ops.max(ops.stack(sides), 0) < 0 for sides in (own, others)]
    return ops.where(ops.logical_or(*none), float(mask_val), found)


def compute_ciou(boxes1: Tensor, boxes2: Tensor, bounding_box_format: str, image_shape: object = None) -> Tensor:
    """Return the complete IoU of pairs of boxes: the IoU less the squared distance of the centres and a term of the aspect ratios.

    Reference: Zheng et al., "Distance-IoU loss", 2020.

    Args:
        boxes1: (..., 4).
        boxes2: (..., 4).
        bounding_box_format: The format of both, without ``rel_``, as in Keras.
        image_shape: Not used, as in Keras.
    """
    if check_format(bounding_box_format).startswith("rel_"):
        raise UsageError(f"the complete IoU is of boxes in pixels, got the format {bounding_box_format}")
    left1, top1, right1, bottom1 = _sides(boxes1, bounding_box_format, image_shape)
    left2, top2, right2, bottom2 = _sides(boxes2, bounding_box_format, image_shape)
    width1, height1 = right1 - left1, bottom1 - top1 + TINY
    width2, height2 = right2 - left2, bottom2 - top2 + TINY
    across = ops.maximum(ops.minimum(right1, right2) - ops.maximum(left1, left2), 0)
    both = across * ops.maximum(ops.minimum(bottom1, bottom2) - ops.maximum(top1, top2), 0)
    iou = both / (width1 * height1 + width2 * height2 - both + 2 * TINY)
    outer_width = ops.maximum(right1, right2) - ops.minimum(left1, left2)
    outer_height = ops.maximum(bottom1, bottom2) - ops.minimum(top1, top2)
    diagonal = outer_width**2 + outer_height**2 + TINY
    distance = ((left1 + right1 - left2 - right2) / 2) ** 2 + ((top1 + bottom1 - top2 - bottom2) / 2) ** 2
    ratio = 4 / math.pi**2 * (ops.arctan(width2 / height2) - ops.arctan(width1 / height1)) ** 2
    weight = ratio / (ratio - iou + (1 + TINY))
    return ops.squeeze(iou - (distance / diagonal + ratio * weight), -1)


def _checked(encoding: str, variance: object) -> Any:
    if encoding not in ("center_xywh", "center_yxhw"):
        raise UsageError(f"boxes are encoded as center_xywh or center_yxhw, got {encoding!r}")
    if variance is None:
        return None
    variance = ops.cast(ops.convert_to_tensor(variance), "float32")
    if variance.shape[-1] != 4:
        raise ShapeError(f"expects a variance of 4 numbers, got {variance.shape[-1]}")
    return variance


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: object = None,
) -> Tensor:
    """Return boxes as differences from anchors: of the centres in sizes of the anchor, and logarithms of ratios of the sizes.

    Args:
        anchors: (n, 4).
        boxes: (n, 4) or (batch, n, 4).
        anchor_format: The format of ``anchors``.
        box_format: The format of ``boxes``.
        encoding_format: The order of the differences: ``"center_yxhw"`` or ``"center_xywh"``.
        variance: Four numbers to divide by, or None.
        image_shape: (height, width, channels), for a format ``rel_...``.
    """
    variance = _checked(encoding_format, variance)
    height, width = _height_and_width(image_shape)
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    sizes = ops.maximum(anchors[..., 2:], TINY)
    ratios = ops.maximum(boxes[..., 2:], TINY) / sizes
    found = ops.concatenate([(boxes[..., :2] - anchors[..., :2]) / sizes, ops.log(ratios)], -1)
    return found if variance is None else found / variance


def decode_deltas_to_boxes(
    anchors: object,
    boxes_delta: object,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: object = None,
) -> Any:
    """Return the boxes of differences from anchors: the inverse of ``encode_box_to_deltas``; dicts of both are decoded by key.

    Args:
        anchors: (n, 4), or a dict of them.
        boxes_delta: (n, 4) or (batch, n, 4), or a dict of them.
        anchor_format: The format of ``anchors``.
        box_format: The format to return.
        encoded_format: The order of the differences: ``"center_yxhw"`` or ``"center_xywh"``.
        variance: Four numbers that the differences were divided by, or None.
        image_shape: (height, width, channels), for a format ``rel_...``.
    """
    variance = _checked(encoded_format, variance)
    height, width = _height_and_width(image_shape)

    def decoded(anchor: Any, delta: Any) -> Any:
        anchor = convert_format(anchor, anchor_format, encoded_format, height, width)
        delta = ops.convert_to_tensor(delta) if variance is None else delta * variance
        sizes = anchor[..., 2:]
        boxes = ops.concatenate([delta[..., :2] * sizes + anchor[..., :2], ops.exp(delta[..., 2:]) * sizes], -1)
        return convert_format(boxes, encoded_format, box_format, height, width)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decoded(anchor, boxes_delta[level]) for level, anchor in anchors.items()}
    return decoded(anchors, boxes_delta)
