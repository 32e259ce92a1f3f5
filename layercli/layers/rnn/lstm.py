"""LSTM and its cell."""

from __future__ import annotations

from typing import Any

from layercli import initializers
from layercli.core.types import ShapeLike, Tensor
from layercli.core.variable import Variable
from layercli.layers.rnn.fused_rnn import FusedRNN
from layercli.layers.rnn.rnn_cell import Cell, same
from layercli.layers.validators import (
    Activation,
    Bool,
    ClippedInterval,
    Constraint,
    Initializer,
    PositiveInt,
    Regularizer,
    Seed,
)
from layercli.ops.nn.rnn import LstmStep
from layercli.ops.numpy.linear import Linear, MatMul


class LSTMCell(Cell):
    """One step: c' = f * c + i * activation(g), h' = o * activation(c'), for the gates i, f, g, o.

    The gates are the parts of x @ kernel + h @ recurrent_kernel + bias; i, f and o go through ``recurrent_activation``. The output
    is h'. Reference: Hochreiter and Schmidhuber 1997.
    """

    units: PositiveInt
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

    gates = 4

    def setup(self) -> None:
        """Make the op of the gates."""
        super().setup()
        self.state_size = [self.units, self.units]
        self.op = LstmStep(self.activation or same, self.recurrent_activation or same)

    def _weight(self, name: str, shape: ShapeLike, kind: str) -> Variable:
        if name != "bias" or not self.unit_forget_bias:
            return super()._weight(name, shape, kind)
        regularizer, constraint = self.bias_regularizer, self.bias_constraint
        start = unit_forget_bias_initializer(self.bias_initializer, self.units)
        return self.add_weight(name, shape, start, regularizer=regularizer, constraint=constraint)

    def call(
        self, inputs: Tensor, states: Tensor, input_mask: Any = None, state_mask: Any = None, training: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the output and [h', c']."""
        x, h = self._dropped(inputs, states[0], (input_mask, state_mask), training)
        z = Linear()(x, self.kernel, self.bias) + MatMul()(h, self.recurrent_kernel)
        h, c = self.op(z, states[1])
        return h, [h, c]


def unit_forget_bias_initializer(initializer: Any, units: int) -> Any:
    """Return an initializer of the bias of four gates that starts that of the second one, the forget gate, at 1."""

    def unit_forget_bias(shape: Any, dtype: str = "float32", rng: Any = None) -> Any:
        bias = initializers.values(initializer, shape, dtype, rng)
        bias[units : 2 * units] = 1
        return bias

    return unit_forget_bias


class LSTM(FusedRNN):
    """Long short-term memory: LSTMCell applied to every step of x (batch, steps, features).

    Returns the last output (batch, units), or (batch, steps, units) with return_sequences.
    Reference: Hochreiter and Schmidhuber 1997.
    """

    units: PositiveInt
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
    use_cudnn: Any = "auto"
    zero_output_for_mask: Bool = False

    cell_type = LSTMCell
    kind = "lstm"
