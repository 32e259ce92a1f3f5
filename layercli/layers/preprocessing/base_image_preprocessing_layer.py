"""What the image layers share: they take one image or a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.refusals import refuse_members
from layercli.core.types import Tensor
from layercli.errors import ShapeError, UsageError


@refuse_members
class BaseImagePreprocessingLayer(Layer):
    """A layer over x (batch, height, width, channels), or channels first, or one image without the batch."""

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.data_format: str | None

    @property
    def channels_first(self) -> bool:
        """Whether the channels come before the height and the width."""
        return self.data_format == "channels_first"

    moves_pixels = True
    """Whether pixels change their places, so that masks and boxes would have to be moved with them."""

    def call(self, inputs: Tensor | dict[str, Any], training: bool = True) -> Any:
        """Return the outputs: images, or a dict of ``images`` and what belongs to them, such as ``labels``.

        ShapeError where the images are neither an image nor a batch of them.
        """
        if not isinstance(inputs, dict):
            return self._of_batch({"images": inputs}, training)["images"]
        if "images" not in inputs:
            raise UsageError(f"expects a dict with images, got {', '.join(map(repr, inputs)) or 'an empty one'}")
        return self._of_batch(inputs, training)

    def _of_batch(self, parts: dict[str, Any], training: bool) -> dict[str, Any]:
        """Return the outputs for a batch, or for one image as a batch of one."""
        images = parts["images"]
        rank = len(images.shape)
        if rank not in (3, 4):
            raise ShapeError(
                f"expects x with 4 axes (batch, height, width, channels) or 3 (one image), got {rank} (x = {spec_of(images)})"
            )
        if rank == 4:
            return self.transform_batch(parts, training)
        batch = tree.map_structure(lambda x: ops.expand_dims(x, 0), parts)
        return tree.map_structure(lambda x: ops.squeeze(x, 0), self.transform_batch(batch, training))  # type: ignore[no-any-return]  # a dict

    def transform_batch(self, parts: dict[str, Any], training: bool) -> dict[str, object]:
        """Return images with what belongs to them as the layer leaves it; UsageError for what it does not move."""
        others = [name for name in parts if name not in ("images", "labels")]
        if others and self.moves_pixels:
            raise UsageError(f"moves pixels, and does not move {others[0]} with them")
        return {**parts, "images": self.transform(parts["images"], training)}

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return a batch of images as the layer leaves it."""
        raise NotImplementedError(f"{type(self).__name__} has no transform(images, training)")
