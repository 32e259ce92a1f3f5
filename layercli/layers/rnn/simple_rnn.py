"""SimpleRNN and its cell."""

from __future__ import annotations

from typing import Any

from layercli import activations
from layercli.core.input_spec import InputSpec
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.rnn.fused_rnn import FusedRNN
from layercli.layers.rnn.rnn_cell import Cell, listed
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
from layercli.ops.numpy.linear import Linear, MatMul


class SimpleRNNCell(Cell):
    """One step: h' = activation(x @ kernel + h @ recurrent_kernel + bias); the output is h'."""

    units: PositiveInt
    activation: Activation = "tanh"
    use_bias: Bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: ClippedInterval = 0.0
    recurrent_dropout: ClippedInterval = 0.0
    seed: Seed = None

    def call(
        self, inputs: Tensor, states: Tensor, input_mask: Any = None, state_mask: Any = None, training: bool = False
    ) -> Any:
        """Return the output and [h']."""
        [state], given = listed(states)
        x, h = self._dropped(inputs, state, (input_mask, state_mask), training)
        out = Linear()(x, self.kernel, self.bias) + MatMul()(h, self.recurrent_kernel)
        out = out if self.activation is None else self.activation(out)
        return out, given(out)


class SimpleRNN(FusedRNN):
    """h_t = activation(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias) for every step of x (batch, steps, features).

    Returns the last output (batch, units), or (batch, steps, units) with return_sequences.
    """

    units: PositiveInt
    activation: Activation = "tanh"
    use_bias: Bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    activity_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: ClippedInterval = 0.0
    recurrent_dropout: ClippedInterval = 0.0
    return_sequences: Bool = False
    return_state: Bool = False
    go_backwards: Bool = False
    stateful: Bool = False
    unroll: Bool = False
    seed: Seed = None
    zero_output_for_mask: Bool = False

    cell_type = SimpleRNNCell

    def _expected_input(self, shape: Shape | None) -> Any:
        return [InputSpec(ndim=3)]

    def _fused_kind(self) -> str:
        return next((kind for kind in ("tanh", "relu") if self.activation is activations.TABLE[kind]), "")
