"""GRU and its cell."""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.layers.rnn.fused_rnn import FusedRNN
from layercli.layers.rnn.rnn_cell import Cell, listed, same
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
from layercli.ops.nn.rnn import GruStep, Select
from layercli.ops.numpy.linear import Linear


class GRUCell(Cell):
    """One step: h' = z * h + (1 - z) * activation(x_h + r * (h @ U_h)), z = gate(x_z + h @ U_z), r = gate(x_r + h @ U_r).

    gate is ``recurrent_activation``; x_z, x_r, x_h are the parts of x @ kernel + bias, and U_z, U_r, U_h those of recurrent_kernel.
    The output is h'. Reference: Cho et al. 2014, arXiv:1406.1078.

    Args:
        reset_after: Whether to apply r after the product; else the candidate is activation(x_h + (r * h) @ U_h), with one bias.
    """

    units: PositiveInt
    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
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
    reset_after: Bool = True
    seed: Seed = None

    gates = 3

    def setup(self) -> None:
        """Make the op of the gates."""
        super().setup()
        self.op = GruStep(self.activation or same, self.recurrent_activation or same, self.reset_after)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias: a row for the input and one for the state, if ``reset_after``."""
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(
        self, inputs: Tensor, states: Tensor, input_mask: Any = None, state_mask: Any = None, training: bool = False
    ) -> Any:
        """Return the output and [h']."""
        [h], given = listed(states)
        x, dropped = self._dropped(inputs, h, (input_mask, state_mask), training)
        both = self.bias is not None and self.reset_after
        of_x, of_h = (Select(0)(self.bias), Select(1)(self.bias)) if both else (self.bias, None)
        out = self.op(Linear()(x, self.kernel, of_x), h, dropped, self.recurrent_kernel, of_h)
        return out, given(out)


class GRU(FusedRNN):
    """Gated recurrent unit: GRUCell applied to every step of x (batch, steps, features).

    Returns the last output (batch, units), or (batch, steps, units) with return_sequences. Reference: Cho et al. 2014,
    arXiv:1406.1078.

    Args:
        reset_after: Whether to apply the reset gate after the product with the recurrent kernel.
    """

    units: PositiveInt
    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
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
    seed: Seed = None
    return_sequences: Bool = False
    return_state: Bool = False
    go_backwards: Bool = False
    stateful: Bool = False
    unroll: Bool = False
    reset_after: Bool = True
    use_cudnn: Any = "auto"
    zero_output_for_mask: Bool = False

    cell_type = GRUCell
    kind = "gru"

    def _fused_kind(self) -> str:
        return super()._fused_kind() if self.reset_after else ""
