"""What the layers that change colours at random share."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.layers.preprocessing.base_random_image_layer import BaseRandomImageLayer


class RandomColor(BaseRandomImageLayer):
    """In training, change the values of each image by one random factor."""

    def beside(self, drawn: Any) -> Any:
        """Return drawn (batch, 1) as something that broadcasts to images, in their dtype."""
        return ops.cast(ops.expand_dims(ops.expand_dims(drawn, -1), -1), self.compute_dtype)


def within(images: Any, ends: tuple[float, float]) -> Any:
    """Return images whose values are between two ends, the nearer end in place of those that are not."""
    return ops.minimum(ops.maximum(images, ends[0]), ends[1])
