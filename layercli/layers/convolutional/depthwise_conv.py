"""DepthwiseConv1D and DepthwiseConv2D."""

from __future__ import annotations

from typing import Any

from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.convolutional.base_depthwise_conv import Depthwise
from layercli.layers.validators import (
    Activation,
    Bool,
    Constraint,
    DataFormat,
    Initializer,
    Padding,
    PositiveInt,
    Regularizer,
)


class DepthwiseConv(Depthwise):
    """out[p, c * m + j] = activation(sum over taps t of x[p * strides + t * dilation_rate, c] * kernel[t, c, j] + bias[c * m + j]).

    m is ``depth_multiplier``.
    """

    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    depth_multiplier: PositiveInt = 1
    data_format: DataFormat = None
    dilation_rate: Any = 1
    activation: Activation = None
    use_bias: Bool = True
    depthwise_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    depthwise_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    depthwise_constraint: Constraint = None
    bias_constraint: Constraint = None

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*kernel_size, channels, depth_multiplier), and bias (channels * depth_multiplier,)."""
        channels = input_shape[self.channel_axis]
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_kernel("depthwise", shape, self.depthwise_layout)
        self.bias = self.add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        return self.activated(self.depthwise(inputs, self.kernel, self.bias))


class DepthwiseConv1D(DepthwiseConv):
    """1D convolution of each channel by itself.

    x (batch, steps, channels) to (batch, steps', channels * depth_multiplier).
    """

    axes = 1


class DepthwiseConv2D(DepthwiseConv):
    """2D convolution of each channel by itself.

    x (batch, height, width, channels) to (batch, height', width', channels * depth_multiplier).
    """

    axes = 2
