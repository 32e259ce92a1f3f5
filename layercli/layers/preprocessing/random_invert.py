"""RandomInvert."""

from __future__ import annotations

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor
from layercli.layers.validators import DataFormat, FractionRange, Seed, ValueRange, factor_range


class RandomInvert(RandomColor):
    """In training, out = b - x, with value_range (a, b), with a random probability p for each image.

    Args:
        factor: The range of p: a number s for (0, s), or a pair; from 0 to 1.
    """

    factor: FractionRange = 1.0
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.set_factors(factor_range(self.factor, 0), (0, 1))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images, some inverted."""
        return ops.where(self.beside(drawn, 1) < self.beside(drawn), self.value_range[1] - images, images)
