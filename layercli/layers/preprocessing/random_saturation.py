"""RandomSaturation."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, factor, factor_range
from layercli.ops.image.color import hsv_to_rgb, rgb_to_hsv


class RandomSaturation(RandomColor):
    """In training, multiply the saturation of each image by f / (1 - f), f random: 0 gives grey, 0.5 the image itself.

    x is RGB images in [0, 1]; the saturation is kept in value_range, as in Keras 3.15.1.

    Args:
        factor: The range of f: a number s for (-s, s), or a pair; from -1 to 1.
    """

    factor: Annotated[Any, factor(-1, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.set_factors(factor_range(self.factor, -1))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return images with more or less colour."""
        f = self.beside(drawn)
        hue, saturation, value = self.channels(rgb_to_hsv(images, self.order))
        saturation = within(saturation * (f / (1 - f + 1e-7)), self.value_range)
        return hsv_to_rgb(self.of_channels([hue, saturation, value]), self.order)
