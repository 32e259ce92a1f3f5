"""What the layers that slide a kernel share, and the convolution in any number of dimensions."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.fields import argument
from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.errors import UsageError
from layercli.layers.core.lora import LoraMixin
from layercli.layers.validators import (
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
from layercli.ops.nn.convolution import Convolution


class BaseWindowLayer(Layer):
    """A layer with a kernel that slides along ``axes`` spatial axes.

    Subclasses declare the arguments, in Keras's order.
    """

    axes = 2

    def setup(self) -> None:
        """Make the settings one number per axis, and find the axis of the channels."""
        for name in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, name, per_axis(getattr(self, name), self.axes, name, type(self).__name__))
        vars(self).setdefault("rank", self.axes)
        self.channels_first = getattr(self, "data_format", None) == "channels_first"
        self.channel_axis = 1 if self.channels_first else -1

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        axis = self.channel_axis
        return InputSpec(min_ndim=self.axes + 2, axes={axis: shape[axis]} if shape else None)

    def add_kernel(self, role: str, shape: Shape, layout: tuple[int, ...], name: str = "kernel") -> Variable:
        """Make the kernel whose settings begin with ``role``."""
        return self.add_weight(
            name,
            shape,
            getattr(self, f"{role}_initializer"),
            regularizer=getattr(self, f"{role}_regularizer"),
            constraint=getattr(self, f"{role}_constraint"),
            layout=layout,
        )

    def add_bias(self: Any, size: Any) -> Variable | None:
        """Make the bias, where the layer uses one."""
        return self.add_kernel("bias", (size,), (0,), "bias") if self.use_bias else None

    @property
    def torch_layout(self) -> tuple[int, ...]:
        """The order (filters, *size, channels) of (*size, channels, filters): what torch reads as channels-last weight."""
        return (self.axes + 1, *range(self.axes), self.axes)

    def activated(self: Any, x: Tensor) -> Tensor:
        """Return x after the activation, where there is one."""
        return x if self.activation is None else self.activation(x)


class BaseConv(BaseWindowLayer, LoraMixin):
    """out[p, f] = activation(sum over taps t and channels c of x[p * strides + t * dilation_rate, c] * kernel[t, c, f] + bias[f]).

    Args:
        groups: The number of groups that channels and filters are split into; a group of filters sees its group of channels.
    """

    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
    groups: PositiveInt = 1
    activation: Activation = None
    use_bias: Bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    bias_constraint: Constraint = None

    lora_rank: Any = argument(default=None, kw_only=True)
    lora_alpha: Any = argument(default=None, kw_only=True)

    def setup(self) -> None:
        """Make the op of the settings."""
        super().setup()
        name = type(self).__name__
        if self.filters % self.groups:
            raise UsageError(f"{name} expects filters to be a multiple of groups, got {self.filters} and {self.groups}")
        check_strides(name, self.strides, self.dilation_rate)
        settings = (self.kernel_size, self.strides, self.padding, self.dilation_rate)
        self.op = Convolution(*settings, self.channels_first, self.groups)

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*kernel_size, channels / groups, filters), stored as torch's convolution wants it, and bias."""
        channels = input_shape[self.channel_axis]
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_kernel("kernel", shape, self.torch_layout)
        self.bias = self.add_bias(self.filters)
        self.maybe_enable_lora()

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        kernel = self.kernel if self._lora is None else self.lora_value()
        if type(self).convolution_op is BaseConv.convolution_op:
            return self.activated(self.op(inputs, kernel, self.bias))
        x = self.convolution_op(inputs, kernel)
        if self.bias is not None:
            x = x + (ops.reshape(self.bias, (-1, *(1,) * self.axes)) if self.channels_first else self.bias)
        return self.activated(x)

    def convolution_op(self, inputs: Tensor, kernel: object) -> Tensor:
        """Return the convolution of the inputs with a kernel of the layer's shape; a subclass may override it."""
        return self.op(inputs, kernel, None)
