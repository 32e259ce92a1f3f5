"""ContrastLimitedAdaptiveHistogramEqualization."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.operation import spec_of
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.preprocessing.random_color import rescaled
from layercli.layers.validators import DataFormat, Number, ValueRange, per_axis
from layercli.ops.image.equalize import EqualizeTiles


class ContrastLimitedAdaptiveHistogramEqualization(BaseImagePreprocessingLayer):
    """out = x with each channel equalized by the histograms of tiles of the image, between which it is interpolated (CLAHE).

    In training and inference; the output has x's dtype. Reference: Zuiderveld, "Contrast limited adaptive histogram equalization",
    1994.

    Args:
        clip_limit: How many times the mean a bin of a histogram may hold; what is above is spread over all bins. 0 for no limit.
        tile_grid_size: The number of tiles down and across.
    """

    value_range: ValueRange = (0, 255)
    clip_limit: Number = 4.0
    tile_grid_size: Any = (8, 8)
    data_format: DataFormat = None

    moves_pixels = False

    def setup(self) -> None:
        """Make the op of the settings."""
        self.tile_grid_size = per_axis(self.tile_grid_size, 2, "tile_grid_size", type(self).__name__)
        self.equalize = EqualizeTiles(self.tile_grid_size, self.clip_limit, self.channels_first)

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return the images with more contrast."""
        x = rescaled(ops.cast(images, "float32"), self.value_range, (0, 255))
        return ops.cast(rescaled(self.equalize(x), (0, 255), self.value_range), spec_of(images).dtype)
