"""ELU."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.validators import Number
from layercli.ops.nn.activation_functions import elu


class ELU(Layer):
    """Exponential linear unit: out = x where x > 0, else alpha * (exp(x) - 1).

    Reference: Clevert et al. 2015, arXiv:1511.07289.

    Args:
        alpha: The negated limit of out as x goes to minus infinity.
    """

    alpha: Number = 1.0

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return elu(inputs, self.alpha)
