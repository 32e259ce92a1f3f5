"""LayerNormalization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.errors import UsageError
from layercli.layers.normalization.scale_and_shift import ascending, scale_and_shift
from layercli.layers.validators import Axes, Bool, Constraint, Initializer, Number, Regularizer, axes_of
from layercli.ops.nn.normalization import LayerNorm


class LayerNormalization(Layer):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the statistics of each sample over ``axis``.

    gamma and beta have the sizes of ``axis``. Reference: Ba et al. 2016, arXiv:1607.06450.

    Args:
        rms_scaling: Must be false; use RMSNormalization.
    """

    axis: Axes = -1
    epsilon: Number = 1e-3
    center: Bool = True
    scale: Bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None
    rms_scaling: Bool = False

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.gamma: Variable | None
            self.beta: Variable | None

    supports_masking = True

    def setup(self) -> None:
        """Refuse what is another layer's."""
        if self.rms_scaling:
            raise UsageError("LayerNormalization has no rms_scaling", hint="RMSNormalization is the layer for it")

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, and the op."""
        axes = ascending(axes_of(self.axis), len(input_shape))
        scale_and_shift(self, tuple(input_shape[axis] for axis in axes))
        self.op = LayerNorm(axes, self.epsilon)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, self.gamma, self.beta)
