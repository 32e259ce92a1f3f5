"""RMSNormalization."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.normalization.scale_and_shift import ascending
from layercli.layers.validators import Axes, Number, axes_of
from layercli.ops.nn.normalization import RmsNorm


class RMSNormalization(Layer):
    """out = x / sqrt(mean(x^2) + epsilon) * scale, with the mean over ``axis``, whose sizes scale has.

    Reference: Zhang and Sennrich 2019, arXiv:1910.07467.

    Args:
        epsilon: A small number that is added to the mean of the squares.
    """

    axis: Axes = -1
    epsilon: Number = 1e-6

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Make scale, and the op."""
        axes = ascending(axes_of(self.axis), len(input_shape))
        self.scale = self.add_weight("scale", tuple(input_shape[axis] for axis in axes), "ones")
        self.op = RmsNorm(axes, self.epsilon)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, self.scale)
