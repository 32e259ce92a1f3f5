"""RandomGaussianBlur."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.fields import Validator
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_random_image_layer import selected
from layercli.layers.preprocessing.random_color import RandomColor, within
from layercli.layers.validators import DataFormat, FractionRange, Seed, ValueRange, factor_range
from layercli.ops.image.random_warps import GaussianBlur


def _odd(value: object) -> tuple[int, int]:
    across, down = value if isinstance(value, (list, tuple)) else (value, value)
    if across % 2 != 1 or down % 2 != 1:
        raise ValueError
    return int(across), int(down)


class RandomGaussianBlur(RandomColor):
    """In training, with a random probability p for each image, blur it with a Gaussian of random deviations.

    Args:
        factor: The range of p: a number s for (0, s), or a pair; from 0 to 1.
        kernel_size: The size of the Gaussian in pixels, odd: a number, or a pair for across and down.
        sigma: The range of the deviations in pixels, one across and one down for the whole batch: a number s for (0, s), or a pair;
            from 0 to 1.
    """

    factor: FractionRange = 1.0
    kernel_size: Annotated[Any, Validator("an odd integer or a pair of them", _odd)] = 3
    sigma: FractionRange = 1.0
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: Seed = None

    floats = True

    def setup(self) -> None:
        """Make the ops of the settings."""
        self.set_factors(factor_range(self.factor, 0), (0, 1), *[factor_range(self.sigma, 0)] * 2)
        self.blur = GaussianBlur(self.kernel_size, self.channels_first)

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images, some blurred."""
        blurred = self.blur(images, drawn[0, 2:] + 1e-6)
        return within(ops.where(selected(drawn), blurred, images), self.value_range)
