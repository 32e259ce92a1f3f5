"""RandomTranslation."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.layers.preprocessing.random_affine import FillMode, Interpolation, RandomAffine
from layercli.layers.validators import DataFormat, Number, Seed, factor, factor_range
from layercli.ops.image.affine import Translation


class RandomTranslation(RandomAffine):
    """In training, translate each image by a random fraction of its height and width.

    Args:
        height_factor: The range of the fraction of the height: a number s for (-s, s), or a pair; from -1 (up) to 1 (down).
        width_factor: The range of the fraction of the width: a number s for (-s, s), or a pair; from -1 (left) to 1 (right).
    """

    height_factor: Annotated[Any, factor(-1, 1)]
    width_factor: Annotated[Any, factor(-1, 1)]
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    map = Translation

    def setup(self) -> None:
        """Make the ops of the settings."""
        self.set_factors(factor_range(self.height_factor), factor_range(self.width_factor))
