"""UnitNormalization."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.validators import Axes, axes_of
from layercli.ops.nn.normalization import UnitNormalize


class UnitNormalization(Layer):
    """out = x / max(sqrt(sum of x^2 over ``axis``), 1e-12): vectors of norm 1.

    Args:
        axis: The axis, or a list of axes, of the vectors.
    """

    axis: Axes = -1

    supports_masking = True

    def setup(self) -> None:
        """Make the op."""
        self.op = UnitNormalize(axes_of(self.axis))

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs)
