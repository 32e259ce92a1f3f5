"""What the random image layers share."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.regularization.base_dropout import BaseRandomLayer
from layercli.ops.image.boxes import moved_boxes
from layercli.ops.random.counter_rng import Uniform


class BaseRandomImageLayer(BaseImagePreprocessingLayer, BaseRandomLayer):
    """A layer that transforms each image at random in training and returns x otherwise.

    If ``floats`` is true the output has the compute dtype; otherwise integer images keep their dtype in inference.
    """

    floats = False

    def set_factors(self, *ends: tuple[float, float]) -> None:
        """Let the values drawn for each image lie between these ends."""
        low, high = zip(*ends, strict=True)
        self.op = Uniform(low, high, self.seed)

    def transform(self, images: Tensor, training: bool) -> Any:
        """Return the images, in training changed."""
        return self.transform_batch({"images": images}, training)["images"]

    def transform_batch(self, parts: dict[str, Any], training: bool) -> dict[str, object] | dict[str, object]:
        """Return images with what belongs to them, in training changed by the same random numbers."""
        images = ops.cast(parts["images"], self.compute_dtype) if self.floats or training else parts["images"]
        parts = {**parts, "images": images}
        if not training:
            return parts
        drawn = self.drawn(images)
        return {name: self.change_part(name, part, images, drawn, training) for name, part in parts.items()}

    def change_part(self, name: str, part: Any, images: Tensor, drawn: Any, training: bool) -> Any:
        """Return one part of a batch changed by what was drawn; without that as it is."""
        if name == "images" and (self.floats or training):
            part = ops.cast(part, self.compute_dtype)
        if not training or drawn is None:
            return part
        changes = {
            "images": self.random_transform,
            "labels": self.random_transform_labels,
            "segmentation_masks": self.random_transform_masks,
        }
        if name in changes:
            return changes[name](part, drawn)
        return (
            self.random_transform_boxes(part, images, drawn) if name == "bounding_boxes" else self.unmoved(name, part)
        )

    def random_transform(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Return the images changed by what was drawn, a row for each."""
        raise NotImplementedError(f"{type(self).__name__} has no random_transform(images, drawn)")

    def random_transform_labels(self, labels: Tensor, drawn: Tensor) -> Tensor:
        """Return the labels of the changed images."""
        return labels

    def random_transform_masks(self, masks: Tensor, drawn: Tensor) -> Any:
        """Return the masks of segmentation of the changed images; UsageError where they would have to be moved."""
        return self.unmoved("segmentation_masks", masks)

    def random_transform_boxes(self, boxes: Tensor, images: Tensor, drawn: Tensor) -> Any:
        """Return the bounding boxes of the changed images; UsageError where the layer has no way to move them."""
        if not self.moves_pixels:
            return self.unmoved("bounding_boxes", boxes)
        return moved_boxes(self, boxes, images, lambda found, size: self.move_boxes(found, size, drawn))


def selected(drawn: Tensor) -> Tensor:
    """Return, for each image, whether its second random number is below the first: (batch, 1, 1, 1)."""
    return ops.reshape(drawn[:, 1] < drawn[:, 0], (-1, 1, 1, 1))
