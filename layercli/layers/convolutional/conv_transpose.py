"""Conv1DTranspose, Conv2DTranspose and Conv3DTranspose."""

from __future__ import annotations

from typing import Any

from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.layers.convolutional.base_conv import BaseWindowLayer
from layercli.layers.validators import (
    COUNT,
    Activation,
    Bool,
    Constraint,
    DataFormat,
    Initializer,
    Padding,
    PositiveInt,
    Regularizer,
    check_strides,
    per_axis,
)
from layercli.ops.nn.conv_transpose import TransposedConvolution


class ConvTranspose(BaseWindowLayer):
    """out[p * strides + t * dilation_rate] += x[p] @ kernel[t].T for all positions p and taps t; then bias and activation.

    With the padding "valid" the output size is (n - 1) * strides + k, where k is the size of the dilated kernel, and at least
    n * strides; with "same" it is n * strides.

    Args:
        output_padding: The size to add to (n - 1) * strides + k (less 2 * (k // 2) for "same"), less than strides; or None.
    """

    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    output_padding: Any = None
    data_format: DataFormat = None
    dilation_rate: Any = 1
    activation: Activation = None
    use_bias: Bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    bias_constraint: Constraint = None

    def setup(self) -> None:
        """Make the op of the settings."""
        super().setup()
        check_strides(type(self).__name__, self.strides, self.dilation_rate)
        if self.output_padding is not None:
            self.output_padding = self._below_strides(self.output_padding)
        settings = (self.kernel_size, self.strides, self.padding, self.dilation_rate, self.output_padding)
        self.op = TransposedConvolution(*settings, self.channels_first)

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*kernel_size, filters, channels), stored as torch's transposed convolution wants it, and bias."""
        shape = (*self.kernel_size, self.filters, input_shape[self.channel_axis])
        self.kernel = self.add_kernel("kernel", shape, self.torch_layout)
        self.bias = self.add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        return self.activated(self.op(inputs, self.kernel, self.bias))

    def _below_strides(self, value: object) -> tuple[int, ...]:
        name = type(self).__name__
        padding = per_axis(value, self.axes, "output_padding", name, COUNT)
        if any(n >= stride for n, stride in zip(padding, self.strides, strict=True)):
            raise UsageError(f"{name} expects output_padding to be less than strides, got {padding} and {self.strides}")
        return padding


class Conv1DTranspose(ConvTranspose):
    """1D transposed convolution: out[p * strides + t * dilation_rate] += x[p] @ kernel[t].T, then bias and activation.

    x (batch, steps, channels) to (batch, steps', filters).
    """

    axes = 1


class Conv2DTranspose(ConvTranspose):
    """2D transposed convolution: out[p * strides + t * dilation_rate] += x[p] @ kernel[t].T, then bias and activation.

    x (batch, height, width, channels) to (batch, height', width', filters).
    """

    axes = 2


class Conv3DTranspose(ConvTranspose):
    """3D transposed convolution: out[p * strides + t * dilation_rate] += x[p] @ kernel[t].T, then bias and activation.

    x (batch, depth, height, width, channels) to (batch, depth', height', width', filters).
    """

    axes = 3

    _positional = (  # Keras takes data_format before output_padding, in this layer alone
        "filters", "kernel_size", "strides", "padding", "data_format", "output_padding", "dilation_rate", "activation",
        "use_bias", "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
        "activity_regularizer", "kernel_constraint", "bias_constraint",
    )  # fmt: skip
