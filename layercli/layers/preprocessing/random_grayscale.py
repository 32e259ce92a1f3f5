"""RandomGrayscale."""

from __future__ import annotations

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.random_color import RandomColor
from layercli.layers.validators import DataFormat, Seed, UnitInterval
from layercli.ops.image.color import rgb_to_grayscale


class RandomGrayscale(RandomColor):
    """In training, out = 0.2989 R + 0.587 G + 0.114 B in every channel, with probability factor for each image.

    Args:
        factor: The probability, from 0 to 1.
    """

    factor: UnitInterval = 0.5
    data_format: DataFormat = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.set_factors((0, 1))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images, some in grey."""
        return ops.where(self.beside(drawn) < self.factor, rgb_to_grayscale(images, self.order), images)
