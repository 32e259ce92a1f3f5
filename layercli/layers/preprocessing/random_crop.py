"""RandomCrop."""

from __future__ import annotations

from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer
from layercli.layers.validators import DataFormat, PositiveInt, Seed
from layercli.ops.image.crop_windows import RandomWindow


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
        self.window = RandomWindow((self.height, self.width), self.channels_first)

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the window of the images."""
        return self.window(images, drawn)
