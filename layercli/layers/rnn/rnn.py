"""RNN: a cell applied to every step of a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core import dims, tree
from layercli.core.layer import Layer
from layercli.core.spec import Shape, Spec
from layercli.core.types import Config, Tensor
from layercli.errors import ShapeError
from layercli.layers.rnn.rnn_cell import Cell, build_cell, check_cell, zero_states
from layercli.layers.rnn.stacked_rnn_cells import StackedRNNCells
from layercli.layers.validators import Bool
from layercli.ops.nn.rnn import FullLikeBatch, check_state
from layercli.ops.nn.rnn_loop import RNNLoop

CELL = (
    "units", "activation", "recurrent_activation", "use_bias", "kernel_initializer", "recurrent_initializer", "bias_initializer",
    "unit_forget_bias", "kernel_regularizer", "recurrent_regularizer", "bias_regularizer", "kernel_constraint",
    "recurrent_constraint", "bias_constraint", "dropout", "recurrent_dropout", "reset_after", "seed",
)  # fmt: skip
"""The settings that LSTM, GRU and SimpleRNN hand to their cell."""


class Recurrent(Layer):
    """What all recurrent layers share: ``cell`` is applied to every step of x (batch, steps, features)."""

    supports_masking = True

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.cell: Any
            self.return_sequences: bool
            self.return_state: bool
            self.go_backwards: bool
            self.stateful: bool
            self.unroll: bool
            self.zero_output_for_mask: bool
            self.states: Any
    else:
        states = None

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        """Build the cell, and make the states that last from call to call if ``stateful``."""
        if len(sequences_shape) < 3:
            raise ShapeError(f"expects x with at least 3 axes (batch, steps, features), got {len(sequences_shape)}")
        batch, _, *rest = sequences_shape
        build_cell(self.cell, (batch, *rest))
        self._count = len(tree.flatten([self.cell.state_size]))
        if self.stateful:
            if not dims.known(batch):
                raise ShapeError("is stateful, so the batch size must be known", hint="give Input a batch_shape")
            settings: Config = {"initializer": "zeros", "trainable": False, "persistent": False}
            shapes = self._state_shapes(sequences_shape)
            self.states = [self.add_weight("rnn_state", shape, **settings) for shape in shapes]

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Tensor | None = None, training: bool = False
    ) -> Any:
        """Return the last output (batch, units), or (batch, steps, units) if return_sequences; then the states, if return_state."""
        states = self._start(sequences, initial_state)
        out, *last = self._computed(sequences, states, mask, training)
        if self.stateful:
            for variable, state in zip(self.states, last, strict=True):
                variable.assign(state)
        if not self.return_state:
            return out
        values = iter(last)
        return (out, *tree.map_structure(lambda _: next(values), _sizes(self.cell)))

    def _computed(self, x: Tensor, states: list[Tensor], mask: object, training: bool) -> Any:
        """Return outputs and last states by the loop over the cell."""
        states = [self._zeros(x, i) if state is None else state for i, state in enumerate(states)]
        drawn = self._masks(x) if training else ()
        scan = RNNLoop(
            self.cell,
            _nested(_sizes(self.cell)),
            self.go_backwards,
            self.return_sequences,
            self.zero_output_for_mask,
            self.unroll,
            training if "training" in self.cell.call_names() else None,
        )
        return scan(x, mask, *states, *drawn)

    def _zeros(self, x: Tensor, index: int) -> Tensor:
        return FullLikeBatch(0.0, self._state_shapes(tuple(x.shape))[index][1:])(x)

    def _masks(self, x: Tensor) -> Any:
        """Return what dropout multiplies inputs and states by, for all steps alike."""
        return self.cell.masks(x) if isinstance(self.cell, (Cell, StackedRNNCells)) else ()

    def _state_shapes(self, sequences_shape: Shape) -> list[Shape]:
        """Return the shapes of the states, flat, for x of that shape."""
        return [(sequences_shape[0], size) for size in tree.flatten([self.cell.state_size])]

    def _start(self, x: Tensor, initial_state: object) -> list[Any]:
        """Return the flat states to start from, None for zeros; ShapeError where those given do not fit."""
        if initial_state is None and self.states is not None:
            return [state.value for state in self.states]
        if initial_state is None:
            initial_state = self._start_of_cell(x)
        if initial_state is None:
            return [None] * self._count
        shapes = self._state_shapes(tuple(x.shape))
        given = tree.flatten([initial_state])
        if len(given) != len(shapes):
            raise ShapeError(f"expects {len(shapes)} initial states, got {len(given)}")
        for state, shape in zip(given, shapes, strict=True):
            check_state(state, Spec(shape))
        return given

    def _start_of_cell(self, x: Tensor) -> Any:
        """Return the states that a cell of the user's starts from; None for zeros."""
        cells = self.cell.cells if isinstance(self.cell, StackedRNNCells) else [self.cell]
        if all(isinstance(cell, Cell) or not hasattr(cell, "get_initial_state") for cell in cells):
            return None
        return self.get_initial_state(batch_size=x.shape[0])

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Any:
        """Return the mask of the steps, where there are steps in the outputs."""
        mask = tree.flatten([previous_mask])[0] if self.return_sequences else None
        return [mask] + [None] * len(tree.flatten([self.cell.state_size])) if self.return_state else mask

    @property
    def state_size(self) -> Any:
        """The size of the cell's states, or the list of them."""
        return self.cell.state_size

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Return the states to start from, zeros or what the cell says, for a batch of that size."""
        if hasattr(self.cell, "get_initial_state"):
            return self.cell.get_initial_state(batch_size=batch_size)
        return zero_states(self.cell.state_size, batch_size)

    def reset_state(self) -> None:
        """Start the next call from zeros, for a layer that is ``stateful``."""
        for state in self.states or ():
            state.assign(state.value * 0)

    reset_states = reset_state


class RNN(Recurrent):
    """Apply a cell to every step of x (batch, steps, ...).

    A cell is a layer with a ``state_size`` and ``call(x, states) -> (out, states)``. Raises UsageError for another object.

    Args:
        cell: The cell, or a list of cells to stack.
    """

    cell: Any
    return_sequences: Bool = False
    return_state: Bool = False
    go_backwards: Bool = False
    stateful: Bool = False
    unroll: Bool = False
    zero_output_for_mask: Bool = False
    _holds_layers = ("cell",)

    def setup(self) -> None:
        """Stack cells that come as a list."""
        if isinstance(self.cell, (list, tuple)):
            self.cell = StackedRNNCells(list(self.cell))
        check_cell(self.cell)


def _sizes(cell: Any) -> list[Any]:
    """Return the sizes of a cell's states as a list, whatever the cell says them as."""
    return list(cell.state_size) if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]


def _nested(sizes: list[object] | tuple[object, ...]) -> Any:
    """Return the nesting of states as a hashable tree of None."""
    return tuple(_nested(size) if isinstance(size, (list, tuple)) else None for size in sizes)
