"""What the layers that change colours at random share."""

from __future__ import annotations

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer

Ends = tuple[float, float]


class RandomColor(BaseRandomImageLayer):
    """In training, change the values of each image by random factors."""

    def beside(self, drawn: Tensor, place: int = 0) -> Tensor:
        """Return a column of what was drawn (batch, factors) as something that broadcasts to images, in their dtype."""
        column = ops.reshape(drawn[:, place], (-1, 1, 1, 1))
        return ops.cast(column, self.compute_dtype)

    moves_pixels = False

    @property
    def order(self) -> str:
        """The order of the axes of images, for operations."""
        return "channels_first" if self.channels_first else "channels_last"

    def channels(self, images: Tensor) -> list[Tensor]:
        """Return each channel of images, its axis kept."""
        return list(ops.split(images, 3, 1 if self.channels_first else 3))

    def of_channels(self, channels: list[Tensor]) -> Tensor:
        """Return images of channels."""
        return ops.concatenate(channels, 1 if self.channels_first else 3)


def within(images: Tensor, ends: Ends) -> Tensor:
    """Return images whose values are between two ends, the nearer end in place of those that are not."""
    return ops.minimum(ops.maximum(images, ends[0]), ends[1])


def rescaled(images: Tensor, ends: Ends, wanted: Ends) -> Tensor:
    """Return images whose values between two ends are spread between two others; they stay as they are where both are equal."""
    if tuple(ends) == tuple(wanted):
        return images
    return (images - ends[0]) / (ends[1] - ends[0]) * (wanted[1] - wanted[0]) + wanted[0]
