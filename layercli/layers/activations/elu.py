"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.layers.validators import Number
from layercli.ops.nn.activation_functions import elu


class ELU(Layer):
    """out = x where x > 0, else alpha * (exp(x) - 1)."""

    alpha: Number = 1.0

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the outputs, of the shape of the inputs."""
        return elu(inputs, self.alpha)
