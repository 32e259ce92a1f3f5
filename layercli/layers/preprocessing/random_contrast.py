"""Images with other colours, at random."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, ends_of, factor


class RandomContrast(RandomColor):
    """In training, out = (x - m) f + m within ``value_range``, m being the mean over each image's pixels, by channel.

    f is drawn between 1 and 1 + ``factor`` of a number from 0 to 1, between 1 - a and 1 + b of a pair (a, b).
    """

    factor: Annotated[Any, factor(0, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        low, high = ends_of(self.factor, 0)
        self.settle((1 - low, 1 + high))

    def varied(self, images: Any, drawn: Any) -> Any:
        """Return the images with more or less contrast."""
        first = 2 if self.channels_first else 1
        mean = ops.mean(ops.mean(images, first, keepdims=True), first + 1, keepdims=True)
        return within(mean + (images - mean) * self.beside(drawn), self.value_range)
