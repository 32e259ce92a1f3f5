"""Images moved, turned and zoomed at random."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.layers.preprocessing.random_affine import FillMode, Interpolation, RandomAffine
from layercli.layers.validators import DataFormat, Number, Seed, ends_of, factor
from layercli.ops.image.affine import Translation


class RandomTranslation(RandomAffine):
    """In training, out = x moved down by a part of its height and right by a part of its width, drawn between the factors.

    A factor f is between -f and f, a pair between its numbers, all from -1 to 1; below 0 is up and left. What comes into view
    is x mirrored with its edge (``fill_mode`` reflect), repeated (wrap), its edge (nearest), or ``fill_value`` (constant).
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
        self.settle(ends_of(self.height_factor), ends_of(self.width_factor))
