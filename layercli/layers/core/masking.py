"""Masking."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.validators import Number
from layercli.ops.nn.embedding import ApplyMask
from layercli.ops.numpy.elementwise import Binary
from layercli.ops.numpy.reductions import Reduction


class Masking(Layer):
    """out = x, with zeros at the steps whose values all equal ``mask_value``; later layers mask those steps.

    x (batch, steps, features).

    Args:
        mask_value: The value that marks a step to mask.
    """

    mask_value: Number = 0.0

    supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs, padded steps blanked."""
        return ApplyMask()(inputs, self.compute_mask(inputs))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor:
        """Return which steps are no padding: two operations, as in Keras, whose order of layers counts them."""
        return Reduction("any", -1)(Binary("not_equal")(inputs, self.mask_value))
