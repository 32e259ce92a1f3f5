"""RandomBrightness."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, factor, factor_range


class RandomBrightness(RandomColor):
    """In training, out = clip(x + f * (b - a), a, b), with value_range (a, b) and a random f for each image.

    Integer images become floats in training.

    Args:
        factor: The range of f: a number s for (-s, s), or a pair; from -1 to 1.
    """

    factor: Annotated[Any, factor(-1, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.set_factors(factor_range(self.factor))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return brighter or darker images."""
        low, high = self.value_range
        return within(images + self.beside(drawn) * (high - low), self.value_range)
