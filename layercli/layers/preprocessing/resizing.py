"""Resizing."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer, Size
from layercli.layers.validators import Bool, DataFormat, Number, PositiveInt, one_of
from layercli.ops.image.resize import Resize, check_interpolation


class Resizing(BaseImagePreprocessingLayer):
    """out = the images x, resized to height by width pixels.

    x is (batch, height, width, channels), or channels first, or one image. The dtype is kept; integers are rounded. Raises
    UsageError if both crop_to_aspect_ratio and pad_to_aspect_ratio are true, and for an interpolation that torch does not have.

    Args:
        interpolation: "nearest", "bilinear" or "bicubic".
        crop_to_aspect_ratio: Whether to crop images of another aspect ratio to their centre, instead of distorting them.
        pad_to_aspect_ratio: Whether to pad images of another aspect ratio, instead of distorting them.
        fill_mode: How to pad: "constant".
        fill_value: The value to pad with.
        antialias: Whether to filter an image that becomes smaller.
    """

    height: PositiveInt
    width: PositiveInt
    interpolation: Any = "bilinear"
    crop_to_aspect_ratio: Bool = False
    pad_to_aspect_ratio: Bool = False
    fill_mode: Annotated[str, one_of("constant")] = "constant"
    fill_value: Number = 0.0
    antialias: Bool = False
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise UsageError("Resizing expects crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
        self.interpolation = check_interpolation(self.interpolation, "Resizing")
        ratio = "crop" if self.crop_to_aspect_ratio else "pad" if self.pad_to_aspect_ratio else ""
        size = (self.height, self.width)
        self.op, self.op_of_masks = (
            Resize(size, way, smooth, self.channels_first, ratio, self.fill_value)
            for way, smooth in ((self.interpolation, self.antialias), ("nearest", False))
        )

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return the images resized."""
        return self.op(images)

    def transform_masks(self, masks: Tensor) -> Tensor:
        """Return masks resized as the images are, each pixel the nearest."""
        return self.op_of_masks(masks)

    def move_boxes(self, boxes: Tensor, size: Size, *drawn: Tensor) -> tuple[Any, Size]:
        """Return boxes of the resized images; those that are all 0 or -1, which are no boxes, become 0."""
        scale, (top, left) = self.op.placed(size)
        none = ops.logical_or(ops.all(boxes == -1, -1, keepdims=True), ops.all(boxes == 0, -1, keepdims=True))
        across, down = (ops.cast(value, boxes.dtype) for value in (scale[1], scale[0]))
        moved = boxes * ops.stack([across, down] * 2) + ops.cast(ops.stack([left, top] * 2), boxes.dtype)
        return ops.where(none, 0.0, moved), self.op.size
