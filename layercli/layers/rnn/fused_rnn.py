"""Recurrent layers that torch's fused kernels compute where they can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import activations
from layercli.core.input_spec import InputSpec
from layercli.core.naming import snake_case
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.rnn.rnn import CELL, Recurrent
from layercli.layers.rnn.rnn_cell import Cell
from layercli.ops.nn.rnn import FusedRecurrence
from layercli.ops.numpy.reshaping import ExpandDims


class FusedRNN(Recurrent):
    """A recurrent layer that runs torch's fused kernel for the default arguments, and loops over ``cell`` otherwise."""

    kind = ""

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.cell_type: type[Cell]
            self.units: int
            self.activation: object
            self.recurrent_dropout: float

    def setup(self) -> None:
        """Make the cell, and the op if there is a fused kernel for these settings."""
        settings = {name: vars(self)[name] for name in CELL if name in vars(self)}
        self.cell = self.cell_type(**settings, name=snake_case(self.cell_type.__name__), dtype=self.dtype_policy)
        kind = self._fused_kind()
        self._fused = FusedRecurrence(kind, self.go_backwards, self.return_sequences) if kind else None

    def _expected_input(self, shape: Shape | None) -> Any:
        return InputSpec(ndim=3)

    def _fused_kind(self) -> str:
        """Return the kind of torch's kernel for these settings, empty where there is none."""
        usual = self.activation is activations.TABLE["tanh"]
        return self.kind if usual and vars(self).get("recurrent_activation") is activations.TABLE["sigmoid"] else ""

    def _computed(self, x: Tensor, states: list[Tensor], mask: object, training: bool) -> Any:
        cell = self.cell
        if self._fused is None or mask is not None or (training and self.recurrent_dropout):
            return super()._computed(x, states, mask, training)
        if training and cell.dropout:
            [by_x, _] = cell.masks(x)
            x = x * ExpandDims(1)(by_x)
        return self._fused(x, cell.kernel, cell.recurrent_kernel, cell.bias, *states)
