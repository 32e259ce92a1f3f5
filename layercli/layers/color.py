"""Images with other colours, at random."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.layers.images import RandomImages
from layercli.layers.settings import DataFormat, Seed, ValueRange, ends_of, factor


class RandomColor(RandomImages):
    """A layer that changes the values of images at random, all of an image alike."""

    def beside(self, drawn: Any) -> Any:
        """Return drawn (batch, 1) as something that broadcasts to images, in their dtype."""
        return ops.cast(ops.expand_dims(ops.expand_dims(drawn, -1), -1), self.compute_dtype)


class RandomContrast(RandomColor):
    """In training, out = (x - m) f + m within ``value_range``, m being the mean over each image's pixels, by channel.

    f is drawn between 1 and 1 + ``factor`` of a number from 0 to 1, between 1 - a and 1 + b of a pair (a, b).
    """

    factor: Annotated[Any, factor(0, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        low, high = ends_of(self.factor, 0)
        self.settle((1 - low, 1 + high))

    def varied(self, images: Any, drawn: Any) -> Any:
        """Return the images with more or less contrast."""
        first = 2 if self.channels_first else 1
        mean = ops.mean(ops.mean(images, first, keepdims=True), first + 1, keepdims=True)
        return within(mean + (images - mean) * self.beside(drawn), self.value_range)


class RandomBrightness(RandomColor):
    """In training, out = x + f (b - a) within ``value_range`` (a, b), f being drawn for each image.

    f is between -f and f of a ``factor`` f from -1 to 1, between the numbers of a pair. Whole numbers become floats in it.
    """

    factor: Annotated[Any, factor(-1, 1, overlapping=True)]
    value_range: ValueRange = (0, 255)
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.settle(ends_of(self.factor))

    def varied(self, images: Any, drawn: Any) -> Any:
        """Return brighter or darker images."""
        low, high = self.value_range
        return within(images + self.beside(drawn) * (high - low), self.value_range)


def within(images: Any, ends: tuple[float, float]) -> Any:
    """Return images whose values are between two ends, the nearer end in place of those that are not."""
    return ops.minimum(ops.maximum(images, ends[0]), ends[1])
