"""Equalization."""

from __future__ import annotations

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.preprocessing.random_color import rescaled
from layercli.layers.validators import DataFormat, PositiveInt, ValueRange
from layercli.ops.image.equalize import Equalize


class Equalization(BaseImagePreprocessingLayer):
    """In training, out = x with the values of each channel mapped so that each is about as frequent in the whole batch.

    A channel of one value stays as it is.

    Args:
        bins: The number of bins of the histogram.
    """

    value_range: ValueRange = (0, 255)
    bins: PositiveInt = 256
    data_format: DataFormat = None

    moves_pixels = False

    def setup(self) -> None:
        """Make the op of the settings."""
        self.equalize = Equalize(self.bins, self.channels_first)

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return the images, in training equalized."""
        if not training:
            return images
        x = rescaled(ops.cast(images, self.compute_dtype), self.value_range, (0, 255))
        return rescaled(self.equalize(x), (0, 255), self.value_range)
