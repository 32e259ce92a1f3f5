"""What the image layers share: they take one image or a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.errors import ShapeError


class BaseImagePreprocessingLayer(Layer):
    """A layer over x (batch, height, width, channels), or channels first, or one image without the batch."""

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.data_format: str | None

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
