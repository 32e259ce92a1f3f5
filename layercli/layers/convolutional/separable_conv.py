"""SeparableConv1D and SeparableConv2D."""

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
from layercli.ops.nn.convolution import Convolution


class SeparableConv(Depthwise):
    """out = activation(depthwise(x) @ pointwise_kernel + bias): convolve each channel by itself, then mix the channels."""

    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
    depth_multiplier: PositiveInt = 1
    activation: Activation = None
    use_bias: Bool = True
    depthwise_initializer: Initializer = "glorot_uniform"
    pointwise_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    depthwise_regularizer: Regularizer = None
    pointwise_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    depthwise_constraint: Constraint = None
    pointwise_constraint: Constraint = None
    bias_constraint: Constraint = None

    def setup(self) -> None:
        """Make the two ops of the settings."""
        super().setup()
        ones = (1,) * self.axes
        self.pointwise = Convolution(ones, ones, channels_first=self.channels_first)

    def build(self, input_shape: Shape) -> None:
        """Make depthwise_kernel (*kernel_size, channels, multiplier), pointwise_kernel (1, ..., channels', filters), bias."""
        channels = input_shape[self.channel_axis]
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        pointwise = ((1,) * self.axes) + (channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self.add_kernel("depthwise", depthwise, self.depthwise_layout, "depthwise_kernel")
        self.pointwise_kernel = self.add_kernel("pointwise", pointwise, self.torch_layout, "pointwise_kernel")
        self.bias = self.add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        x = self.depthwise(inputs, self.depthwise_kernel)
        return self.activated(self.pointwise(x, self.pointwise_kernel, self.bias))


class SeparableConv1D(SeparableConv):
    """1D depthwise convolution followed by a 1x1 convolution: out = activation(depthwise(x) @ pointwise_kernel + bias).

    x (batch, steps, channels) to (batch, steps', filters).
    """

    axes = 1


class SeparableConv2D(SeparableConv):
    """2D depthwise convolution followed by a 1x1 convolution: out = activation(depthwise(x) @ pointwise_kernel + bias).

    x (batch, height, width, channels) to (batch, height', width', filters).
    """

    axes = 2
