"""MaxNumBoundingBoxes."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.core.fields import Validator
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.validators import DataFormat, PositiveInt


class MaxNumBoundingBoxes(BaseImagePreprocessingLayer):
    """out = x, a dict, with exactly max_number bounding boxes for each image: the first ones, or padded by fill_value.

    x["bounding_boxes"] is a dict of boxes (batch, n, 4) and labels (batch, n); all else is returned unchanged. The layer does the
    same in training and inference.

    Args:
        max_number: The number of boxes.
        fill_value: The value of the boxes and labels that are added.
    """

    max_number: PositiveInt
    fill_value: Annotated[int, Validator("an integer", int)] = -1
    data_format: DataFormat = None

    _positional = ("max_number", "fill_value")

    def transform_batch(self, parts: dict[str, Any], training: bool) -> dict[str, object]:
        """Return the dict with the bounding boxes cut and padded."""
        if "bounding_boxes" not in parts:
            return parts
        given = parts["bounding_boxes"]
        if set(given) != {"boxes", "labels"}:
            raise UsageError(
                f"expects bounding_boxes with boxes and labels, got {', '.join(map(repr, given)) or 'none'}"
            )
        return {**parts, "bounding_boxes": {name: self._fitted(values) for name, values in given.items()}}

    def _fitted(self, values: Tensor) -> Tensor:
        """Return values (batch, n, ...) as (batch, max_number, ...)."""
        batch, _, *rest = values.shape
        padding = ops.full((1, self.max_number, *rest), self.fill_value, dtype=str(values.dtype).removeprefix("torch."))
        padded = ops.concatenate([values, ops.broadcast_to(padding, (batch, self.max_number, *rest))], 1)
        return padded[:, : self.max_number]
