"""Solarization."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor, rescaled, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, factor


class Solarization(RandomColor):
    """In training, invert the values of each image from a random threshold t on, after adding a random a.

    For x in (0, 255): y = clip(x + a, 0, 255), out = y where y < t, else 255 - y. The output has the compute dtype.

    Args:
        addition_factor: The range of a: a number s for (0, 255 s), or a pair (p, q) for (p, 255 q); from 0 to 1.
        threshold_factor: The range of t: a number s for (0, 255 s), or a pair (p, q) for (p, 255 q); from 0 to 1.
    """

    addition_factor: Annotated[Any, factor(0, 1)] = 0.0
    threshold_factor: Annotated[Any, factor(0, 1)] = 0.0
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    _positional = ("addition_factor", "threshold_factor", "value_range", "seed")
    floats = True

    def setup(self) -> None:
        """Make the op of the settings."""
        self.addition_factor, self.threshold_factor = map(ends_of, (self.addition_factor, self.threshold_factor))
        self.set_factors(*((low, high * 255) for low, high in (self.addition_factor, self.threshold_factor)))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images with bright values inverted."""
        added = within(rescaled(images, self.value_range, (0, 255)) + self.beside(drawn), (0, 255))
        inverted = ops.where(added < self.beside(drawn, 1), added, 255 - added)
        return rescaled(inverted, (0, 255), self.value_range)


def ends_of(given: Any) -> tuple[float, float]:
    """Return the ends of a factor; the upper one alone is multiplied by 255, as in Keras."""
    low, high = sorted(given) if isinstance(given, tuple) else (0, given)
    return low, high
