"""What layers over images have in common: one image or a batch of them, and draws in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.errors import ShapeError
from layercli.layers.dropout import Random
from layercli.ops.random.counter_rng import Uniform


class Images(Layer):
    """A layer over x (batch, height, width, channels), channels first, or one image without the batch."""

    if TYPE_CHECKING:  # a setting of each layer
        data_format: str | None

    @property
    def channels_first(self) -> bool:
        """Whether the channels come before the height and the width."""
        return self.data_format == "channels_first"

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the outputs; ShapeError where x is neither an image nor a batch of them."""
        rank = len(inputs.shape)
        if rank not in (3, 4):
            raise ShapeError(
                f"expects x with 4 axes (batch, height, width, channels) or 3 (one image), got {rank} (x = {spec_of(inputs)})"
            )
        if rank == 4:
            return self.changed(inputs, training)
        return ops.squeeze(self.changed(ops.expand_dims(inputs, 0), training), 0)

    def changed(self, images: Any, training: bool) -> Any:
        """Return a batch of images as the layer leaves it."""
        raise NotImplementedError(f"{type(self).__name__} has no changed(images, training)")


class RandomImages(Images, Random):
    """A layer that changes images at random in training, each for itself, and leaves them as they are otherwise.

    It knows the dtype of its policy alone where it is ``floats``; elsewhere whole numbers stay so but in training.
    """

    floats = False

    def settle(self, *ends: tuple[float, float]) -> None:
        """Let the values drawn for each image lie between these ends."""
        low, high = zip(*ends, strict=True)
        self.op = Uniform(low, high, self.seed)

    def changed(self, images: Any, training: bool) -> Any:
        """Return the images, in training changed."""
        if self.floats or training:
            images = ops.cast(images, self.compute_dtype)
        return self.varied(images, self.drawn(images)) if training else images

    def varied(self, images: Any, drawn: Any) -> Any:
        """Return the images changed by what was drawn, a row for each."""
        raise NotImplementedError(f"{type(self).__name__} has no varied(images, drawn)")
