"""A layer around another one."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.errors import UsageError
from layercli.layers.rnn.rnn_cell import build_cell


class Wrapper(Layer):
    """A layer that holds ``layer`` and builds it for its own inputs: subclass it and write ``call``.

    UsageError where ``layer`` is none.
    """

    layer: Any

    def setup(self) -> None:
        """Check the layer."""
        if not isinstance(self.layer, Layer):
            raise UsageError(f"{type(self).__name__} expects layer to be a layer, got {self.layer!r}")

    def build(self, input_shape: Shape) -> None:
        """Build the layer."""
        build_cell(self.layer, input_shape)
