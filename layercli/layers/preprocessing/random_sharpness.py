"""RandomSharpness."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, Seed, ValueRange, factor, factor_range
from layercli.ops.image.filters import Filter

CORNER, CENTER = 1 / 13, 5 / 13
SMOOTH = ((CORNER,) * 3, (CORNER, CENTER, CORNER), (CORNER,) * 3)
"""The filter that smooths: a mean of 3 by 3 pixels that counts the middle one five times."""


class RandomSharpness(RandomColor):
    """In training, out = x + (1 - 2 f) (smoothed x - x), f random for each image: 0 smooths, 0.5 gives x, 1 sharpens.

    Args:
        factor: The range of f: a number s for (0, s), or a pair; from 0 to 1.
    """

    factor: Annotated[Any, factor(0, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: Seed = None

    floats = True

    def setup(self) -> None:
        """Make the ops of the settings."""
        self.set_factors(factor_range(self.factor, 0))
        self.smooth = Filter(SMOOTH, "same", self.channels_first)

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return smoother or sharper images."""
        changed = images + (1 - 2 * self.beside(drawn)) * (self.smooth(images) - images)
        return within(changed, self.value_range)
