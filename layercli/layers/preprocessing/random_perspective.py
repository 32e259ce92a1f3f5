"""RandomPerspective."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import Size
from layercli.layers.preprocessing.base_random_image_layer import selected
from layercli.layers.preprocessing.random_affine import Interpolation, RandomWarp, blank
from layercli.layers.validators import DataFormat, FractionRange, Number, Seed, factor_range
from layercli.ops.image.boxes import through_map
from layercli.ops.image.random_warps import PerspectiveMap
from layercli.ops.image.warp import ResamplePerspective


class RandomPerspective(RandomWarp):
    """In training, with a random probability p for each image, move its corners by random parts of their coordinates.

    Args:
        factor: The range of p: a number s for (0, s), or a pair; from 0 to 1.
        scale: How far a corner (x, y) is moved at most: (x, y) * scale / 2.
        fill_value: The value of pixels outside the image.
    """

    factor: FractionRange = 1.0
    scale: Number = 1.0
    interpolation: Interpolation = "bilinear"
    fill_value: Number = 0.0
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the ops of the settings."""
        half = (-0.5 * self.scale, 0.5 * self.scale)
        self.set_factors(factor_range(self.factor, 0), (0, 1), *[half] * 8)
        self.mapped = PerspectiveMap(self.channels_first)
        self.resample, self.resample_masks = (
            ResamplePerspective(way, "constant", self.fill_value, self.channels_first)
            for way in (self.interpolation, "nearest")
        )

    def warped(self, images: Tensor, drawn: Tensor, resample: Any) -> Tensor:
        """Return the images, some in perspective."""
        moved = resample(images, self.mapped(images, drawn[:, 2:]))
        return ops.where(selected(drawn), moved, images)

    def move_boxes(self, boxes: Tensor, size: Size, *drawn: Tensor) -> tuple[Any, Size]:
        """Return the boxes that enclose those in perspective."""
        [samples] = drawn
        moved = through_map(boxes, self.mapped(blank(size, self.channels_first), samples[:, 2:]))
        return ops.where(selected(samples)[..., 0], moved, boxes), size
