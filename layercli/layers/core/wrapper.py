"""Wrapper."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.errors import UsageError
from layercli.layers.rnn.rnn_cell import build_cell


class Wrapper(Layer):
    """The base of layers that wrap another layer, which it builds for its own input. Subclass it and write ``call``.

    Raises UsageError unless ``layer`` is a layer.
    """

    layer: Any
    _holds_layers = ("layer",)

    def setup(self) -> None:
        """Check the layer."""
        if not isinstance(self.layer, Layer):
            raise UsageError(f"{type(self).__name__} expects layer to be a layer, got {self.layer!r}")

    def build(self, input_shape: Shape) -> None:
        """Build the layer."""
        build_cell(self.layer, input_shape)
