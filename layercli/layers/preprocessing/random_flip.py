"""RandomFlip."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import Size
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer
from layercli.layers.validators import DataFormat, Seed, one_of
from layercli.ops.image.flip import FlipSelected

AXES = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (1, 2)}


class RandomFlip(BaseRandomImageLayer):
    """In training, flip each image with probability 1/2.

    x is (batch, height, width, channels), or channels first, or one image; the output has the compute dtype.

    Args:
        mode: "horizontal", "vertical" or "horizontal_and_vertical".
    """

    mode: Annotated[str, one_of(*AXES)] = "horizontal_and_vertical"
    seed: Seed = None
    data_format: DataFormat = None

    floats = True

    def setup(self) -> None:
        """Make the op of the settings."""
        self.set_factors((0, 1))
        self.flip = FlipSelected(tuple(axis + self.channels_first for axis in AXES[self.mode]))

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images, some turned around."""
        return self.flip(images, drawn)

    def random_transform_masks(self, masks: Tensor, drawn: Tensor) -> Tensor:
        """Return masks turned around with their images."""
        return self.flip(masks, drawn)

    def move_boxes(self, boxes: Tensor, size: Size, *drawn: Tensor) -> tuple[Any, Size]:
        """Return boxes turned around with their images."""
        left, top, right, bottom = ops.split(boxes, 4, -1)
        if 2 in AXES[self.mode]:
            left, right = size[1] - right, size[1] - left
        if 1 in AXES[self.mode]:
            top, bottom = size[0] - bottom, size[0] - top
        turned = ops.reshape(drawn[0], (-1, 1, 1)) <= 0.5
        return ops.where(turned, ops.concatenate([left, top, right, bottom], -1), boxes), size
