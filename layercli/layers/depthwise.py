"""Convolutions of each channel by itself, and the separable ones: such a convolution, then a mix of the channels."""

from __future__ import annotations

from typing import Any

from layercli.core.spec import Shape
from layercli.layers.convolution import Windowed
from layercli.layers.settings import Activation, DataFormat, Initializer, Padding, PositiveInt, Truth
from layercli.ops.nn.convolution import Convolution, DepthwiseConvolution


class Depthwise(Windowed):
    """A layer whose kernel convolves each channel to ``depth_multiplier`` channels."""

    def setup(self: Any) -> None:
        """Make the op of the settings."""
        super().setup()
        settings = (self.kernel_size, self.strides, self.padding, self.dilation_rate)
        self.depthwise = DepthwiseConvolution(*settings, self.channels_first)

    @property
    def depthwise_layout(self) -> tuple[int, ...]:
        """The order (channels, multiplier, *size) of (*size, channels, multiplier): torch's weight is a view of it."""
        return (self.axes, self.axes + 1, *range(self.axes))


class DepthwiseConv(Depthwise):
    """out[p, c * m + j] = activation(sum over taps t of x[p * strides + t * dilation_rate, c] kernel[t, c, j] + bias[c * m + j]).

    m is ``depth_multiplier``.
    """

    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    depth_multiplier: PositiveInt = 1
    data_format: DataFormat = None
    dilation_rate: Any = 1
    activation: Activation = None
    use_bias: Truth = True
    depthwise_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    depthwise_regularizer: Any = None
    bias_regularizer: Any = None
    depthwise_constraint: Any = None
    bias_constraint: Any = None

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*kernel_size, channels, depth_multiplier), and bias (channels * depth_multiplier,)."""
        channels = input_shape[self.channel_axis]
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_kernel("depthwise", shape, self.depthwise_layout)
        self.bias = self.add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        return self.activated(self.depthwise(inputs, self.kernel, self.bias))


class SeparableConv(Depthwise):
    """out = activation(depthwise(x) @ pointwise_kernel + bias): each channel convolved by itself, then the channels mixed."""

    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
    depth_multiplier: PositiveInt = 1
    activation: Activation = None
    use_bias: Truth = True
    depthwise_initializer: Initializer = "glorot_uniform"
    pointwise_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    depthwise_regularizer: Any = None
    pointwise_regularizer: Any = None
    bias_regularizer: Any = None
    depthwise_constraint: Any = None
    pointwise_constraint: Any = None
    bias_constraint: Any = None

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

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        x = self.depthwise(inputs, self.depthwise_kernel)
        return self.activated(self.pointwise(x, self.pointwise_kernel, self.bias))


class DepthwiseConv1D(DepthwiseConv):
    """DepthwiseConv over one axis: x (batch, steps, channels) to (batch, steps', channels * depth_multiplier)."""

    axes = 1


class DepthwiseConv2D(DepthwiseConv):
    """DepthwiseConv over two axes: x (batch, height, width, channels) to (batch, height', width', channels * multiplier)."""

    axes = 2


class SeparableConv1D(SeparableConv):
    """SeparableConv over one axis: x (batch, steps, channels) to (batch, steps', filters)."""

    axes = 1


class SeparableConv2D(SeparableConv):
    """SeparableConv over two axes: x (batch, height, width, channels) to (batch, height', width', filters)."""

    axes = 2
