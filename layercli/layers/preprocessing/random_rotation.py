"""RandomRotation."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.layers.preprocessing.random_affine import FillMode, Interpolation, RandomAffine
from layercli.layers.validators import DataFormat, Number, Seed, factor, factor_range
from layercli.ops.image.affine import Rotation


class RandomRotation(RandomAffine):
    """In training, rotate each image about its centre by a random angle, counter-clockwise.

    Args:
        factor: The range of the angle as a fraction of a full turn: a number s for (-s, s), or a pair.
    """

    factor: Annotated[Any, factor(-1, 1, overlapping=True)]
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    map = Rotation

    def setup(self) -> None:
        """Make the ops of the settings."""
        low, high = factor_range(self.factor)
        self.set_factors((low * 360, high * 360))
