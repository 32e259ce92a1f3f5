"""RandomErasing."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.fields import Validator
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_random_image_layer import selected
from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, FractionRange, Seed, ValueRange, factor_range
from layercli.ops.image.random_warps import WindowMask
from layercli.ops.random.dropout import ApplyGaussianNoise


def _fill(value: Any) -> object:
    if isinstance(value, (list, tuple)):
        if len(value) != 3:
            raise ValueError
        return tuple(map(float, value))
    return None if value is None else float(value)


class RandomErasing(RandomColor):
    """In training, with a random probability p for each image, fill a random window of it.

    The window's sides are sqrt(s) of the image's, with a random s for each. Reference: Zhong et al., "Random erasing data
    augmentation", 2020.

    Args:
        factor: The range of p: a number s for (0, s), or a pair; from 0 to 1.
        scale: The range of s: a number t for (0, t), or a pair; from 0 to 1.
        fill_value: What the window is filled with: a number, one for each of three channels, or None for normal noise.
    """

    factor: FractionRange = 1.0
    scale: FractionRange = (0.02, 0.33)
    fill_value: Annotated[Any, Validator("a number, three, or None", _fill)] = None
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    floats = True

    def setup(self) -> None:
        """Make the ops of the settings."""
        share = factor_range(self.scale, 0)
        self.set_factors(factor_range(self.factor, 0), (0, 1), share, share, (0, 1), (0, 1))
        self.window = WindowMask(self.channels_first)
        self.noise = ApplyGaussianNoise(self.value_range[1], None if self.seed is None else self.seed + 1)

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images, some with a window filled."""
        samples = ops.concatenate([ops.sqrt(drawn[:, 2:4]), drawn[:, 4:]], 1)
        erased = ops.where(self.window(images, samples), within(self._filled(images), self.value_range), images)
        return ops.where(selected(drawn), erased, images)

    def _filled(self, images: Tensor) -> Any:
        """Return images of what windows are filled with."""
        if self.fill_value is None:
            empty = images * 0
            return self.noise(empty) if self.draws is None else self.noise(empty, self.draws)
        if not isinstance(self.fill_value, tuple):
            return images * 0 + self.fill_value
        shape = (1, 3, 1, 1) if self.channels_first else (1, 1, 1, 3)
        return images * 0 + ops.reshape(ops.convert_to_tensor(self.fill_value, self.compute_dtype), shape)
