"""RandomColorDegeneration."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, factor, factor_range
from layercli.ops.image.color import rgb_to_grayscale


class RandomColorDegeneration(RandomColor):
    """In training, out = x + f (grey x - x), f random for each image: 0 gives x, 1 grey.

    x is RGB images; grey is 0.2989 R + 0.587 G + 0.114 B.

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
        """Return images with less colour."""
        grey = rgb_to_grayscale(images, self.order)
        return within(images + self.beside(drawn) * (grey - images), self.value_range)
