"""Pipeline."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.errors import UsageError


class Pipeline(Layer):
    """out = the result of layers that are called one after the other, each on what the one before gives.

    Unlike a Sequential model it is a layer, and it takes whatever its first layer takes, such as a dict of images and labels.
    Raises UsageError unless ``layers`` is a list of layers.

    Args:
        layers: The layers.
    """

    layers: Any

    takes_text = True
    _holds_layers = ("layers",)
    _positional = ("layers", "name")

    def setup(self) -> None:
        """Check the layers."""
        given = vars(self)["layers"]
        if not isinstance(given, (list, tuple)) or not all(isinstance(each, Layer) for each in given):
            raise UsageError(f"Pipeline expects layers to be a list of layers, got {given!r}")

    def call(self, inputs: Tensor, training: bool | None = True) -> Tensor:
        """Return what the last layer gives; for ``training=None`` each layer runs by its own default."""
        for layer in vars(self)["layers"]:
            passed = training is not None and "training" in layer.call_names()
            inputs = layer(inputs, training=training) if passed else layer(inputs)
        return inputs
