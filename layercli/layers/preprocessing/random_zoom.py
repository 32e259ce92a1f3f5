"""Images moved, turned and zoomed at random."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.layers.preprocessing.random_affine import FillMode, Interpolation, RandomAffine
from layercli.layers.validators import DataFormat, Number, Seed, ends_of, factor
from layercli.ops.image.affine import Zoom


class RandomZoom(RandomAffine):
    """In training, out = 1 + f times x's height and width around its centre, f drawn between the factors: below 0 is nearer.

    A factor f is between -f and f, a pair between its numbers, all from -1 (excluded) to 1; without a ``width_factor`` the
    ratio of sides stays. What comes into view is as with RandomTranslation.
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
        self.settle(*((1 + low, 1 + high) for low, high in map(ends_of, factors)))
