"""RandomElasticTransform."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_random_image_layer import selected
from layercli.layers.preprocessing.random_affine import FillMode, Interpolation, RandomWarp
from layercli.layers.preprocessing.random_color import within
from layercli.layers.validators import DataFormat, FractionRange, Number, Seed, ValueRange, factor_range
from layercli.ops.image.random_warps import RandomElastic
from layercli.ops.image.warp import ResampleShifted


class RandomElasticTransform(RandomWarp):
    """In training, with a random probability p for each image, shift its pixels by smooth noise of random strength d.

    The shifts are 0.1 d of the longer side times noise, blurred over 0.05 d of the shorter side. Reference: Simard et al., "Best
    practices for convolutional neural networks applied to visual document analysis", 2003.

    Args:
        factor: The range of p: a number s for (0, s), or a pair; from 0 to 1.
        scale: The range of d, one for the whole batch: a number s for (0, s), or a pair; from 0 to 1.
    """

    factor: FractionRange = 1.0
    scale: FractionRange = 1.0
    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "reflect"
    fill_value: Number = 0.0
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the ops of the settings."""
        self.set_factors(factor_range(self.factor, 0), (0, 1), factor_range(self.scale, 0), (0, 1))
        self.resample, self.resample_masks = (
            RandomElastic(ResampleShifted(way, self.fill_mode, self.fill_value, self.channels_first))
            for way in (self.interpolation, "nearest")
        )

    def warped(self, images: Tensor, drawn: Tensor, resample: Any) -> Tensor:
        """Return the images, some warped."""
        moved = within(resample(images, drawn[:, 2:]), self.value_range)
        return ops.where(selected(drawn), moved, images)
