"""Activation."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers import validators


class Activation(Layer):
    """out = activation(x), value by value.

    Args:
        activation: The activation function: its name, or a function of a tensor.
    """

    activation: validators.Activation

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return inputs if self.activation is None else self.activation(inputs)
