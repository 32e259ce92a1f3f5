"""LeakyReLU."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.validators import Number
from layercli.ops.nn.activation_functions import leaky_relu


class LeakyReLU(Layer):
    """out = x where x > 0, else negative_slope * x."""

    negative_slope: Number = 0.3

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return leaky_relu(inputs, self.negative_slope)
