"""Identity."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.types import Tensor


class Identity(Layer):
    """out = x."""

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs
