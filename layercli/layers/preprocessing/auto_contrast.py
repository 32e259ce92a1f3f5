"""AutoContrast."""

from __future__ import annotations

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.preprocessing.random_color import rescaled, within
from layercli.layers.validators import DataFormat, ValueRange


class AutoContrast(BaseImagePreprocessingLayer):
    """out = x with the values of each channel of each image spread over value_range, in training and inference.

    A channel of one value stays as it is. The output has the compute dtype. (For channels first Keras 3.15.1 takes the extremes
    over the wrong axes.)
    """

    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None

    _positional = ("value_range",)

    moves_pixels = False

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return the images with more contrast."""
        given = ops.cast(images, self.compute_dtype)
        x = rescaled(given, self.value_range, (0, 255))
        axes = (2, 3) if self.channels_first else (1, 2)
        low, high = ops.min(x, axes, keepdims=True), ops.max(x, axes, keepdims=True)
        flat = high == low
        scale = 255.0 / ops.where(flat, 1.0, high - low)
        spread = rescaled(within(x * scale + -low * scale, (0, 255)), (0, 255), self.value_range)
        return ops.where(flat, given, spread)
