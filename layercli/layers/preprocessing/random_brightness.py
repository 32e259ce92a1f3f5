"""Images with other colours, at random."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, ends_of, factor


class RandomBrightness(RandomColor):
    """In training, out = x + f (b - a) within ``value_range`` (a, b), f being drawn for each image.

    f is between -f and f of a ``factor`` f from -1 to 1, between the numbers of a pair. Integers become floats in it.
    """

    factor: Annotated[Any, factor(-1, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.settle(ends_of(self.factor))

    def varied(self, images: Any, drawn: Any) -> Any:
        """Return brighter or darker images."""
        low, high = self.value_range
        return within(images + self.beside(drawn) * (high - low), self.value_range)
