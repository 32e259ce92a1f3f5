"""What the image layers share: they take one image or a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli import ops
from layercli.core import tree
from layercli.core.fields import Validator, argument
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.types import Tensor
from layercli.errors import ShapeError, UsageError
from layercli.layers.preprocessing.image_transformations import ImageTransformations
from layercli.ops.image.boxes import check_format, moved_boxes

Size = tuple[int, int]
"""A height and a width."""


def _format(value: Any) -> str | None:
    return None if value is None else check_format(value)


class BaseImagePreprocessingLayer(ImageTransformations, Layer):
    """A layer over x (batch, height, width, channels), or channels first, or one image without the batch.

    A dict of ``images`` with ``segmentation_masks`` and ``bounding_boxes``, themselves a dict of boxes (batch, n, 4) and labels
    (batch, n), is moved together; a box of which nothing is left gets the label -1.

    Args:
        bounding_box_format: The format of boxes, such as ``"xyxy"`` (see ``utils.bounding_boxes.convert_format``).
    """

    bounding_box_format: Annotated[str | None, Validator("None or a format of boxes", _format)] = argument(
        default=None, kw_only=True
    )

    _left_out = frozenset({"bounding_box_format"})

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.data_format: str | None

    @classmethod
    def positional_arguments(cls) -> tuple[str, ...]:
        """Return the names of the constructor's positional arguments in order."""
        return cls._positional or tuple(name for name in cls._fields if name != "bounding_box_format")

    @property
    def channels_first(self) -> bool:
        """Whether the channels come before the height and the width."""
        return self.data_format == "channels_first"

    moves_pixels = True
    """Whether pixels change their places, so that masks and boxes would have to be moved with them."""

    def call(self, data: Tensor | dict[str, Any], training: bool = True) -> Any:
        """Return the outputs: images, or a dict of ``images`` and what belongs to them, such as ``labels``.

        ShapeError where the images are neither an image nor a batch of them.
        """
        if not isinstance(data, dict):
            return self._of_batch({"images": data}, training)["images"]
        if "images" not in data:
            raise UsageError(f"expects a dict with images, got {', '.join(map(repr, data)) or 'an empty one'}")
        return self._of_batch(data, training)

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
        moved = {**parts, "images": self.transform(parts["images"], training)}
        for name in parts if self.moves_pixels else ():
            if name == "segmentation_masks":
                moved[name] = self.transform_masks(parts[name])
            elif name == "bounding_boxes":
                moved[name] = moved_boxes(self, parts[name], parts["images"], self.move_boxes)
            elif name not in ("images", "labels"):
                self.unmoved(name, parts[name])
        return moved

    def change_part(self, name: str, part: Any, images: Tensor, drawn: Any, training: bool) -> Any:
        """Return one part of a batch as the layer leaves it: see ImageTransformations."""
        parts = {name: part} if name == "images" else {"images": images, name: part}
        return self.transform_batch(parts, training)[name]

    def unmoved(self, name: str, part: Any) -> Any:
        """Return what does not change where pixels keep their places; UsageError where they are moved."""
        if self.moves_pixels:
            raise UsageError(f"moves pixels, and does not move {name} with them")
        return part

    def transform_masks(self, masks: Tensor) -> Any:
        """Return masks of segmentation moved as the images are; UsageError where the layer has no way to."""
        return self.unmoved("segmentation_masks", masks)

    def move_boxes(self, boxes: Tensor, size: Size, *drawn: Tensor) -> tuple[Any, Size]:
        """Return boxes in xyxy of images of a size (height, width) moved as these are, and the new size; UsageError as above."""
        self.unmoved("bounding_boxes", boxes)
        return boxes, size

    def transform(self, images: Tensor, training: bool) -> Tensor:
        """Return a batch of images as the layer leaves it."""
        raise NotImplementedError(f"{type(self).__name__} has no transform(images, training)")
