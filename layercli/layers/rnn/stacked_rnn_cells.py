"""StackedRNNCells."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.rnn.rnn_cell import Cell, build_cell, check_cell, output_size, zero_states


class StackedRNNCells(Layer):
    """A stack of cells: each takes the output of the previous one and has states of its own.

    Args:
        cells: The cells, the first one being that of the input.
    """

    cells: Any
    _holds_layers = ("cells",)

    def setup(self) -> None:
        """Check the cells."""
        for cell in self.cells:
            check_cell(cell)
        self.cells = list(self.cells)

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the cells' states."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Return the states to start from, zeros, of each cell, for a batch of that size."""
        return [
            cell.get_initial_state(batch_size=batch_size)
            if hasattr(cell, "get_initial_state")
            else zero_states(cell.state_size, batch_size)
            for cell in self.cells
        ]

    def build(self, input_shape: Shape) -> None:
        """Build each cell for the output of the one before."""
        for cell in self.cells:
            build_cell(cell, input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def masks(self, inputs: Tensor) -> list[Any]:
        """Return the draws of dropout of all cells, two for each."""
        return [
            mask for cell in self.cells for mask in (cell.masks(inputs) if isinstance(cell, Cell) else (None, None))
        ]

    def call(self, inputs: Tensor, states: Tensor, *masks: Any, training: bool = False) -> Any:
        """Return the last cell's output and the states of all."""
        x, new = inputs, []
        for i, (cell, state) in enumerate(zip(self.cells, states, strict=True)):
            optional = {"training": training} if "training" in cell.call_names() else {}
            given = masks[2 * i : 2 * i + 2] if isinstance(cell, Cell) else ()
            nested = isinstance(state, (list, tuple))
            x, after = cell(x, state if nested else [state], *given, **optional)
            new.append(after if nested or not isinstance(after, (list, tuple)) else after[0])
        return x, new
