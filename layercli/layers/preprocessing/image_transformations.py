"""The steps of an image layer one by one, as Keras's: what a batch draws, and what is done with each part of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from layercli import ops
from layercli.core import tree
from layercli.core.types import Tensor

Transformation = dict[str, Any]
"""``images``, a batch to take the size from, ``batched``, whether it was one, and ``drawn``, random numbers or None."""


class ImageTransformations:
    """``get_random_transformation``, and the methods that apply what it returned: ``transform_images`` and others.

    The parts that belong together are changed alike by one transformation. None for it, and ``training=False``, change nothing that
    is random.
    """

    def get_random_transformation(self, data: object, training: bool = True, seed: object = None) -> Transformation:
        """Return the transformation of images, or of a dict of ``images`` and others; ``seed`` in place of the layer's."""
        images = ops.convert_to_tensor(data["images"] if isinstance(data, dict) else data)
        batched = len(images.shape) > 3
        images = images if batched else ops.expand_dims(images, 0)
        drawn = self._drawn(images, seed) if training else None
        return {"images": images, "batched": batched, "drawn": drawn}

    def _drawn(self, images: Tensor, seed: object) -> object:
        """Return the random numbers of a layer that draws some."""
        op = getattr(self, "op", None)
        draw: Any = getattr(self, "drawn", None)
        if draw is None or op is None:
            return None
        if seed is not None:
            count = seed.next() if hasattr(seed, "next") else 0
            return replace(op, seed=getattr(seed, "seed", seed))(images, count)
        if not self.built:  # type: ignore[attr-defined]  # every layer knows
            self.build(tuple(images.shape))  # type: ignore[attr-defined]  # every layer has it
        return draw(images)

    def _changed(self, name: str, part: object, transformation: Transformation | None, training: bool) -> object:
        made = transformation or {"batched": True, "images": part, "drawn": None}
        part = tree.map_structure(ops.convert_to_tensor, part)
        if not made["batched"]:
            part = tree.map_structure(lambda x: ops.expand_dims(x, 0), part)
        images = part if name == "images" else made["images"]
        found = self.change_part(name, part, images, made["drawn"], training)  # type: ignore[attr-defined]  # the layer's
        return found if made["batched"] else tree.map_structure(lambda x: ops.squeeze(x, 0), found)

    def transform_images(self, images: Any, transformation: Transformation | None = None, training: bool = True) -> Any:
        """Return images under a transformation."""
        made = transformation
        if made is None and len(images.shape) == 3:
            made = self.get_random_transformation(images, training=False)
        return self._changed("images", images, made, training)

    def transform_labels(
        self, labels: object, transformation: Transformation | None = None, training: bool = True
    ) -> Any:
        """Return the labels of transformed images."""
        return self._changed("labels", labels, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: object, transformation: Transformation | None = None, training: bool = True
    ) -> Any:
        """Return the bounding boxes, a dict of ``boxes`` and ``labels``, of transformed images."""
        return self._changed("bounding_boxes", bounding_boxes, transformation, training)

    def transform_segmentation_masks(
        self, segmentation_masks: object, transformation: Transformation | None = None, training: bool = True
    ) -> Any:
        """Return the masks of segmentation of transformed images."""
        return self._changed("segmentation_masks", segmentation_masks, transformation, training)

    def transform_single_image(
        self, image: object, transformation: Transformation | None = None, training: bool = True
    ) -> Any:
        """Return one image under its transformation."""
        return self.transform_images(image, transformation, training)

    def transform_single_label(
        self, label: object, transformation: Transformation | None = None, training: bool = True
    ) -> Any:
        """Return the label of one transformed image."""
        return self.transform_labels(label, transformation, training)

    def transform_single_bounding_box(
        self, bounding_box: object, transformation: Transformation | None = None, training: bool = True
    ) -> Any:
        """Return the bounding boxes of one transformed image."""
        return self.transform_bounding_boxes(bounding_box, transformation, training)

    def transform_single_segmentation_mask(
        self, segmentation_mask: object, transformation: Transformation | None = None, training: bool = True
    ) -> Any:
        """Return the mask of segmentation of one transformed image."""
        return self.transform_segmentation_masks(segmentation_mask, transformation, training)
