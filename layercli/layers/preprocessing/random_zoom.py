"""RandomZoom."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.layers.preprocessing.random_affine import FillMode, Interpolation, RandomAffine
from layercli.layers.validators import DataFormat, Number, Seed, factor, factor_range
from layercli.ops.image.affine import Zoom


class RandomZoom(RandomAffine):
    """In training, zoom each image about its centre: a factor f shows 1 + f times its height and width.

    Args:
        height_factor: The range of f for the height: a number s for (-s, s), or a pair; over -1, to 1. Below 0 zooms in.
        width_factor: The range of f for the width, likewise; None keeps the aspect ratio.
    """

    height_factor: Annotated[Any, factor(-1, 1, excluded=True)]
    width_factor: Annotated[Any, factor(-1, 1, excluded=True, optional=True)] = None
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Seed = None
    fill_value: Number = 0.0
    data_format: DataFormat = None

    map = Zoom

    def setup(self) -> None:
        """Make the ops of the settings."""
        factors = [self.height_factor, self.width_factor] if self.width_factor is not None else [self.height_factor]
        self.set_factors(*((1 + low, 1 + high) for low, high in map(factor_range, factors)))
