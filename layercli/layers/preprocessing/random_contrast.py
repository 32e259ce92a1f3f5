"""RandomContrast."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, factor, factor_range


class RandomContrast(RandomColor):
    """In training, out = clip((x - m) * f + m, *value_range), where m is the mean of each channel of an image and f is random.

    Args:
        factor: The range of f: a number s for (1, 1 + s), or a pair (a, b) for (1 - a, 1 + b); from 0 to 1.
    """

    factor: Annotated[Any, factor(0, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        low, high = factor_range(self.factor, 0)
        self.set_factors((1 - low, 1 + high))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images with more or less contrast."""
        first = 2 if self.channels_first else 1
        mean = ops.mean(ops.mean(images, first, keepdims=True), first + 1, keepdims=True)
        return within(mean + (images - mean) * self.beside(drawn), self.value_range)
