"""Images of another size: resized, or windows of them."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.validators import DataFormat, PositiveInt
from layercli.ops.image.crop_windows import CenterWindow


class CenterCrop(BaseImagePreprocessingLayer):
    """out = the middle of the images x, ``height`` pixels high and ``width`` wide, in floats.

    x is (batch, height, width, channels), channels first, or one image. Where it is too small for that, it is its largest
    window of that ratio of sides, resized bilinearly.
    """

    height: PositiveInt
    width: PositiveInt
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.op = CenterWindow((self.height, self.width), self.channels_first)

    def changed(self, images: Any, training: bool) -> Any:
        """Return the windows."""
        return self.op(ops.cast(images, self.compute_dtype))
