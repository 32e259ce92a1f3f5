"""GroupNormalization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.layers.normalization.scale_and_shift import ascending, scale_and_shift
from layercli.layers.validators import Bool, Constraint, Initializer, NonNegativeInt, Number, Regularizer
from layercli.ops.nn.normalization import GroupNorm


class GroupNormalization(Layer):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the statistics of each group of channels of each sample.

    Raises ShapeError unless the number of channels is a multiple of groups. Reference: Wu and He 2018, arXiv:1803.08494.

    Args:
        groups: The number of groups; -1 for one for each channel.
        axis: The axis of the channels.
    """

    groups: NonNegativeInt = 32
    axis: NonNegativeInt = -1
    epsilon: Number = 1e-3
    center: Bool = True
    scale: Bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer = None
    gamma_regularizer: Regularizer = None
    beta_constraint: Constraint = None
    gamma_constraint: Constraint = None

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.gamma: Variable | None
            self.beta: Variable | None

    supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Make gamma and beta, one value per channel, and the op."""
        [axis] = ascending((self.axis,), len(input_shape))
        channels = input_shape[axis]
        scale_and_shift(self, (channels,))
        self.op = GroupNorm(int(channels) if self.groups == -1 else self.groups, axis, self.epsilon)

    def _expected_input(self, shape: Shape | None) -> InputSpec | None:
        return InputSpec(ndim=len(shape), axes={self.axis: shape[self.axis]}) if shape else None

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, self.gamma, self.beta)
