"""RandomCrop."""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import Size
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer
from layercli.layers.validators import DataFormat, PositiveInt, Seed
from layercli.ops.image.crop_windows import RandomWindow, in_window


class RandomCrop(BaseRandomImageLayer):
    """In training, out = a window of the images x, height by width pixels, at one random position for the whole batch.

    A batch that is not larger in both directions is cropped to its largest window of the same aspect ratio and resized
    bilinearly. In inference out = x, of any size, as in Keras 3.15.1.
    """

    height: PositiveInt
    width: PositiveInt
    seed: Seed = None
    data_format: DataFormat = None

    _positional = ("height", "width", "seed", "data_format", "name")

    def setup(self) -> None:
        """Make the op of the settings."""
        self.set_factors((0, 1), (0, 1))
        self.window, self.window_of_masks = (
            RandomWindow((self.height, self.width), self.channels_first, way) for way in ("bilinear", "nearest")
        )

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the window of the images."""
        return self.window(images, drawn)

    def random_transform_masks(self, masks: Tensor, drawn: Tensor) -> Tensor:
        """Return the window of masks."""
        return self.window_of_masks(masks, drawn)

    def move_boxes(self, boxes: Tensor, size: Size, *drawn: Tensor) -> tuple[Any, Size]:
        """Return boxes in the window."""
        return in_window(boxes, self.window.window_of(size, drawn[0][0]), self.window.size)
