"""What the random image layers share."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.layers.preprocessing.base_image_preprocessing_layer import BaseImagePreprocessingLayer
from layercli.layers.regularization.base_dropout import BaseRandomLayer
from layercli.ops.random.counter_rng import Uniform


class BaseRandomImageLayer(BaseImagePreprocessingLayer, BaseRandomLayer):
    """A layer that transforms each image at random in training and returns x otherwise.

    If ``floats`` is true the output has the compute dtype; otherwise integer images keep their dtype in inference.
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
