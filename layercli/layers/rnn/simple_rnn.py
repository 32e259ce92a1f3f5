"""One step of a recurrence, as a layer: SimpleRNN's, LSTM's, GRU's, and several on top of each other."""

from __future__ import annotations

from typing import Any

from layercli import activations
from layercli.layers.rnn.fused_rnn import Fused
from layercli.layers.rnn.rnn_cell import Cell, listed
from layercli.layers.validators import (
    Activation,
    Constraint,
    Fraction,
    Initializer,
    PositiveInt,
    Regularizer,
    Seed,
    Truth,
)
from layercli.ops.numpy.linear import Dense, MatMul


class SimpleRNNCell(Cell):
    """h' = activation(x @ kernel + h @ recurrent_kernel + bias); the output is h'."""

    units: PositiveInt
    activation: Activation = "tanh"
    use_bias: Truth = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    seed: Seed = None

    def call(
        self, inputs: Any, states: Any, input_mask: Any = None, state_mask: Any = None, training: bool = False
    ) -> Any:
        """Return the output and [h']."""
        [state], given = listed(states)
        x, h = self._dropped(inputs, state, (input_mask, state_mask), training)
        out = Dense()(x, self.kernel, self.bias) + MatMul()(h, self.recurrent_kernel)
        out = out if self.activation is None else self.activation(out)
        return out, given(out)


class SimpleRNN(Fused):
    """h_t = activation(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias); the settings besides are those of RNN."""

    units: PositiveInt
    activation: Activation = "tanh"
    use_bias: Truth = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    return_sequences: Truth = False
    return_state: Truth = False
    go_backwards: Truth = False
    stateful: Truth = False
    unroll: Truth = False
    seed: Seed = None
    zero_output_for_mask: Truth = False

    cell_type = SimpleRNNCell

    def _fused_kind(self) -> str:
        return next((kind for kind in ("tanh", "relu") if self.activation is activations.TABLE[kind]), "")
