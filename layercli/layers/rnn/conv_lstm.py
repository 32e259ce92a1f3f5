"""ConvLSTM1D, ConvLSTM2D and ConvLSTM3D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core.dims import Size
from layercli.core.input_spec import InputSpec
from layercli.core.spec import Shape, Spec, show_shape
from layercli.core.types import Config, Tensor
from layercli.core.variable import Variable
from layercli.errors import ShapeError
from layercli.layers.convolutional.base_conv import BaseWindowLayer
from layercli.layers.regularization.dropout import Dropout
from layercli.layers.rnn.lstm import unit_forget_bias_initializer
from layercli.layers.rnn.rnn import CELL, Recurrent
from layercli.layers.rnn.rnn_cell import same
from layercli.layers.validators import (
    Activation,
    Bool,
    ClippedInterval,
    Constraint,
    DataFormat,
    Initializer,
    Padding,
    PositiveInt,
    Regularizer,
    Seed,
    check_strides,
    per_axis,
)
from layercli.ops.nn.convolution import Convolution
from layercli.ops.nn.rnn import FullLikeBatch, LstmStep

GATES = 4
SHARED = (
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    *(name for name in CELL if name not in ("units", "reset_after")),
)
"""The settings that a layer hands to its cell."""


class ConvLSTMCell(BaseWindowLayer):
    """One step: c' = f * c + i * activation(g), h' = o * activation(c'), for gates i, f, g, o of conv(x) + conv(h) + bias.

    The convolution of h has padding "same" and stride 1. Dropout draws a mask for each gate.

    Args:
        rank: The number of spatial axes.
    """

    rank: PositiveInt
    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
    use_bias: Bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    unit_forget_bias: Bool = True
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: ClippedInterval = 0.0
    recurrent_dropout: ClippedInterval = 0.0
    seed: Seed = None

    def setup(self) -> None:
        """Make the ops of the settings."""
        self.axes = self.rank
        super().setup()
        self.state_size = [self.filters, self.filters]
        size, first = self.kernel_size, self.channels_first
        self.of_x = Convolution(size, self.strides, self.padding, self.dilation_rate, first)
        self.of_h = Convolution(size, (1,) * self.axes, "same", None, first)
        self.op = LstmStep(self.activation or same, self.recurrent_activation or same, self.channel_axis)
        self._input_dropouts = self._dropouts(self.dropout)
        self._state_dropouts = self._dropouts(self.recurrent_dropout)

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(shape=(None, *shape[1:])) if shape else InputSpec(ndim=self.axes + 2)

    def _dropouts(self, rate: float) -> list[Dropout]:
        """Return a dropout for each gate; none for a rate of 0."""
        seeds = [None if self.seed is None else GATES * self.seed + gate for gate in range(GATES)]
        return [Dropout(rate, seed=seed) for seed in seeds] if rate else []

    def build(self, input_shape: Shape) -> None:
        """Make kernel (*kernel_size, channels, 4 x filters), recurrent_kernel (*kernel_size, filters, 4 x filters) and bias."""
        channels, out = input_shape[self.channel_axis], GATES * self.filters
        self.kernel = self.add_kernel("kernel", (*self.kernel_size, channels, out), self.torch_layout)
        shape = (*self.kernel_size, self.filters, out)
        self.recurrent_kernel = self.add_kernel("recurrent", shape, self.torch_layout, "recurrent_kernel")
        self.bias = self.add_bias(out)

    def add_bias(self, size: int) -> Variable | None:
        """Make the bias, that of the forget gate 1 if ``unit_forget_bias``, where the layer uses one."""
        if not self.use_bias or not self.unit_forget_bias:
            return super().add_bias(size)
        settings: Config = {"regularizer": self.bias_regularizer, "constraint": self.bias_constraint}
        return self.add_weight(
            "bias", (size,), unit_forget_bias_initializer(self.bias_initializer, self.filters), **settings
        )

    def state_shape(self, step_shape: Shape) -> Shape:
        """Return the shape of a state for a step of that shape."""
        batch, positions, _ = self.of_x.positions(Spec(step_shape))
        return (batch, self.filters, *positions) if self.channels_first else (batch, *positions, self.filters)

    def masks(self, step: Any) -> list[Any]:
        """Return what multiplies the input and the state in training, one for each gate; None is 1."""
        shapes = tuple(step.shape)[1:], self.state_shape(tuple(step.shape))[1:]
        found: list[Any] = []
        for dropouts, shape in zip((self._input_dropouts, self._state_dropouts), shapes, strict=True):
            found += [layer(FullLikeBatch(1.0, shape)(step), training=True) for layer in dropouts] or [None] * GATES
        return found

    def call(self, inputs: Tensor, states: Tensor, *masks: Any) -> tuple[Tensor, list[Tensor]]:
        """Return the output and [h', c']."""
        h, c = states
        z = self._projected(self.of_x, inputs, self.kernel, self.bias, masks[:GATES])
        z = z + self._projected(self.of_h, h, self.recurrent_kernel, None, masks[GATES:])
        h, c = self.op(z, c)
        return h, [h, c]

    def _projected(self, op: Convolution, x: Tensor, kernel: Variable, bias: Variable | None, masks: Any) -> Tensor:
        """Return the convolution for all gates, or for each of its own x, where masks are drawn."""
        if not masks or masks[0] is None:
            return op(x, kernel, bias)
        kernels = ops.split(kernel, GATES, -1)
        biases = [None] * GATES if bias is None else ops.split(bias, GATES)
        parts = [op(x * mask, *weights) for mask, *weights in zip(masks, kernels, biases, strict=True)]
        return ops.concatenate(parts, self.channel_axis)


class ConvLSTM(Recurrent):
    """LSTM whose products are convolutions over ``axes`` spatial axes. Reference: Shi et al. 2015, arXiv:1506.04214."""

    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
    use_bias: Bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    unit_forget_bias: Bool = True
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: ClippedInterval = 0.0
    recurrent_dropout: ClippedInterval = 0.0
    seed: Seed = None
    return_sequences: Bool = False
    return_state: Bool = False
    go_backwards: Bool = False
    stateful: Bool = False
    unroll: Bool = False
    zero_output_for_mask: Bool = False

    axes = 0

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.cell: ConvLSTMCell

    def setup(self) -> None:
        """Make the settings one number per axis, and the cell."""
        owner = type(self).__name__
        for name in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, name, per_axis(getattr(self, name), self.axes, name, owner))
        check_strides(owner, self.strides, self.dilation_rate)
        settings = {name: vars(self)[name] for name in SHARED}
        self.cell = ConvLSTMCell(self.axes, **settings, name="conv_lstm_cell", dtype=self.dtype_policy)

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        """Build the cell; ShapeError where x is no sequence of images with that many axes."""
        self._check(sequences_shape)
        super().build(sequences_shape)

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Tensor | None = None, training: bool = False
    ) -> Any:
        """Return the last output, or those of all steps if return_sequences; then the states, if return_state."""
        self._check(sequences.shape)
        return super().call(sequences, initial_state, mask, training)

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=self.axes + 3)

    def _check(self, shape: tuple[Size, ...]) -> None:
        if len(shape) != self.axes + 3:
            raise ShapeError(
                f"expects x with {self.axes + 3} axes (batch, steps, ..., channels), got {show_shape(tuple(shape))}"
            )

    def _state_shapes(self, sequences_shape: Shape) -> list[Shape]:
        batch, _, *rest = sequences_shape
        return [self.cell.state_shape((batch, *rest))] * 2

    def _masks(self, x: Tensor) -> object:
        return self.cell.masks(x[:, 0]) if self.dropout or self.recurrent_dropout else ()


class ConvLSTM1D(ConvLSTM):
    """LSTM with 1D convolutions: x (batch, steps, length, channels) to (batch, length', filters).

    With return_sequences the output is (batch, steps, length', filters). Padding, strides and dilation_rate are those of the
    convolution of x. Reference: Shi et al. 2015, arXiv:1506.04214.
    """

    axes = 1


class ConvLSTM2D(ConvLSTM):
    """LSTM with 2D convolutions: x (batch, steps, height, width, channels) to (batch, height', width', filters).

    With return_sequences the output is (batch, steps, height', width', filters). Padding, strides and dilation_rate are those of
    the convolution of x. Reference: Shi et al. 2015, arXiv:1506.04214.
    """

    axes = 2


class ConvLSTM3D(ConvLSTM):
    """LSTM with 3D convolutions: x (batch, steps, depth, height, width, channels) to (batch, depth', height', width', filters).

    With return_sequences the output has the steps after the batch. Padding, strides and dilation_rate are those of the
    convolution of x. Reference: Shi et al. 2015, arXiv:1506.04214.
    """

    axes = 3
