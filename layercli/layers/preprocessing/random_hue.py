"""RandomHue."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor, rescaled, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, factor, factor_range
from layercli.ops.image.color import hsv_to_rgb, rgb_to_hsv


class RandomHue(RandomColor):
    """In training, turn the hue of each image by f / 2 of the colour circle, f random and of random sign.

    x is RGB images in value_range.

    Args:
        factor: The range of f: a number s for (0, s), or a pair; from 0 to 1.
    """

    factor: Annotated[Any, factor(0, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.set_factors((0, 1), factor_range(self.factor, 0))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return images with other hues."""
        turned = 0.5 * ops.where(self.beside(drawn) > 0.5, -1.0, 1.0) * self.beside(drawn, 1)
        hue, saturation, value = self.channels(rgb_to_hsv(rescaled(images, self.value_range, (0, 1)), self.order))
        hue = hue + turned
        hue = ops.where(hue > 1.0, hue - 1.0, hue)
        hue = ops.where(hue < 0.0, hue + 1.0, hue)
        colors = hsv_to_rgb(self.of_channels([hue, saturation, value]), self.order)
        return rescaled(within(colors, (0, 1)), (0, 1), self.value_range)
