"""Softmax."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.validators import Axes, axes_of
from layercli.ops.nn import activations as ops


class Softmax(Layer):
    """out = exp(x) / sum(exp(x)) along an axis; the call's ``mask`` is true for the values that take part.

    Args:
        axis: The axis, or a list of axes, along which out sums to 1.
    """

    axis: Axes = -1

    supports_masking = True

    def setup(self) -> None:
        """Make the op."""
        self.op = ops.SoftmaxActivation(axes_of(self.axis))

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, mask)
