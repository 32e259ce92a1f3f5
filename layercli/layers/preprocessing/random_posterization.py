"""RandomPosterization."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor, rescaled
from layercli.layers.validators import DataFormat, Seed, ValueRange, factor, factor_range


class RandomPosterization(RandomColor):
    """In training, keep only the n upper of the 8 bits of each value, n random for each image.

    Args:
        factor: The range of n: a number s for (1, s), or a pair; from 1 to 8. The upper end is left out, as in Keras.
    """

    factor: Annotated[Any, factor(1, 8, overlapping=True)]
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.set_factors(factor_range(self.factor, 1))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return images with fewer values."""
        step = ops.power(2.0, 8 - ops.floor(self.beside(drawn)))
        whole = ops.floor(rescaled(images, self.value_range, (0, 255)))
        return rescaled(ops.floor(whole / step) * step, (0, 255), self.value_range)
