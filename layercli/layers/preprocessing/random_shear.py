"""RandomShear."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.layers.preprocessing.random_affine import FillMode, Interpolation, RandomAffine
from layercli.layers.validators import DataFormat, Number, Seed, factor, factor_range
from layercli.ops.image.affine import Shear


class RandomShear(RandomAffine):
    """In training, shear each image by random factors, of a random sign for both: x by f y, y by g x.

    Args:
        x_factor: The range of f: a number s for (-s, s), or a pair; from 0 to 1.
        y_factor: The range of g: a number s for (-s, s), or a pair; from 0 to 1.
    """

    x_factor: Annotated[Any, factor(0, 1)] = 0.0
    y_factor: Annotated[Any, factor(0, 1)] = 0.0
    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "reflect"
    fill_value: Number = 0.0
    data_format: DataFormat = None
    seed: Seed = None

    map = Shear

    def setup(self) -> None:
        """Make the ops of the settings."""
        self.set_factors((0, 1), factor_range(self.x_factor), factor_range(self.y_factor))
