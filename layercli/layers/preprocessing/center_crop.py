"""CenterCrop."""

from __future__ import annotations

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.validators import DataFormat, PositiveInt
from layercli.ops.image.crop_windows import CenterWindow


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
        self.op = CenterWindow((self.height, self.width), self.channels_first)

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return the windows."""
        return self.op(ops.cast(images, self.compute_dtype))
