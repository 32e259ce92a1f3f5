"""CenterCrop."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer, Size
from layercli.layers.validators import DataFormat, PositiveInt
from layercli.ops.image.crop_windows import CenterWindow, in_window


class CenterCrop(BaseImagePreprocessingLayer):
    """out = the central window of the images x, height by width pixels, in floats.

    x is (batch, height, width, channels), or channels first, or one image. An image that is too small is cropped to its largest
    central window of the same aspect ratio, which is resized bilinearly.
    """

    height: PositiveInt
    width: PositiveInt
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.op, self.op_of_masks = (
            CenterWindow((self.height, self.width), self.channels_first, way) for way in ("bilinear", "nearest")
        )

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return the windows."""
        return self.op(ops.cast(images, self.compute_dtype))

    def transform_masks(self, masks: Tensor) -> Tensor:
        """Return the windows of masks."""
        return self.op_of_masks(masks)

    def move_boxes(self, boxes: Tensor, size: Size, *drawn: Tensor) -> tuple[Any, Size]:
        """Return boxes in the window."""
        return in_window(boxes, self.op.window_of(size), self.op.size)
