"""Convolutions."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.errors import UsageError
from layercli.layers.settings import Activation, DataFormat, Initializer, Padding, PositiveInt, Truth, per_axis
from layercli.ops.convolution import Convolution


class Conv(Layer):
    """out[p, f] = activation(sum over taps t and channels c of x[p * strides + t * dilation_rate, c] kernel[t, c, f] + bias[f])."""

    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
    groups: PositiveInt = 1
    activation: Activation = None
    use_bias: Truth = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None

    axes = 2

    def setup(self) -> None:
        """Make the settings one number per axis, and the op they give."""
        for name in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, name, per_axis(getattr(self, name), self.axes, name, type(self).__name__))
        if self.filters % self.groups:
            raise UsageError(f"{type(self).__name__} expects filters to be a multiple of groups, got {self.filters} and {self.groups}")
        first = self.data_format == "channels_first"
        self.op = Convolution(self.kernel_size, self.strides, self.padding, self.dilation_rate, first, self.groups)
        self.channel_axis = 1 if first else -1

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*kernel_size, channels / groups, filters), stored as torch's channels-last convolution wants it."""
        channels = input_shape[self.channel_axis]
        self.kernel = self.add_weight(
            "kernel",
            (*self.kernel_size, channels // self.groups, self.filters),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            layout=(self.axes + 1, *range(self.axes), self.axes),
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                (self.filters,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        x = self.op(inputs, self.kernel, self.bias)
        return x if self.activation is None else self.activation(x)


class Conv2D(Conv):
    """Conv over two axes: x (batch, height, width, channels) to (batch, height', width', filters)."""

    axes = 2
