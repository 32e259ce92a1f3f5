"""The base of recurrent cells: one step of a recurrence, as a layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import ShapeLike, Tensor
from layercli.core.variable import Variable
from layercli.errors import UsageError
from layercli.layers.regularization.dropout import Dropout
from layercli.ops.nn.rnn import FullLikeBatch
from layercli.ops.numpy.creation import zeros


class Cell(Layer):
    """A cell with a kernel for its input and one for its state. A dropout mask is drawn once for a whole sequence.

    ``call(x, states)`` returns the output and the new states.
    """

    gates = 1

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.units: int
            self.dropout: float
            self.recurrent_dropout: float
            self.seed: int | None
            self.use_bias: bool
            self.activation: object

    def setup(self) -> None:
        """Make the dropouts that are wanted."""
        self.state_size: object = self.units
        self.output_size = self.units
        self._input_dropout = Dropout(self.dropout, seed=self.seed) if self.dropout else None
        self._state_dropout = Dropout(self.recurrent_dropout, seed=self.seed) if self.recurrent_dropout else None

    def build(self, input_shape: Shape) -> None:
        """Make kernel, recurrent_kernel and bias, the kernels stored as torch's fused recurrence wants them."""
        self.features = input_shape[-1]
        self.kernel = self._weight("kernel", (self.features, self.gates * self.units), "kernel")
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, self.gates * self.units), "recurrent")
        self.bias = self._weight("bias", self.bias_shape, "bias") if self.use_bias else None

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias."""
        return (self.gates * self.units,)

    def _weight(self, name: str, shape: ShapeLike, kind: str) -> Variable:
        settings = {key: getattr(self, f"{kind}_{key}") for key in ("initializer", "regularizer", "constraint")}
        return self.add_weight(name, shape, layout=None if kind == "bias" else (1, 0), **settings)

    def masks(self, inputs: object) -> list[Any]:
        """Return what multiplies the input and the state in training, one draw of each for x (batch, ...); None is 1."""
        kept = zip((self._input_dropout, self._state_dropout), (int(self.features), self.units), strict=True)
        return [
            None if layer is None else layer(FullLikeBatch(1.0, (size,))(inputs), training=True) for layer, size in kept
        ]

    def start(self, inputs: Tensor) -> list[Tensor]:
        """Return the states to start from, zeros, for x (batch, ...)."""
        return [FullLikeBatch(0.0, (size,))(inputs) for size in tree.flatten([self.state_size])]

    def get_initial_state(self, batch_size: int | None = None) -> Any:
        """Return the states to start from, zeros, for a batch of that size."""
        return zero_states(self.state_size, batch_size)

    def _dropped(self, x: object, h: Tensor, masks: tuple[Any, Any], training: bool) -> tuple[Any, Any]:
        """Return the input and the state as the kernels see them."""
        if training and masks == (None, None):
            masks = tuple(self.masks(x))
        by_x, by_h = masks if training else (None, None)
        return x if by_x is None else x * by_x, h if by_h is None else h * by_h


def listed(states: Tensor | Sequence[Tensor]) -> tuple[Any, Callable[[Any], Any]]:
    """Return the states of a cell of one in a list, and what makes of the new state the kind that was given."""
    if isinstance(states, (list, tuple)):
        return states, lambda state: [state]
    return [states], lambda state: state


def check_cell(cell: object) -> None:
    """Raise UsageError where ``cell`` is no layer with a state_size."""
    if not isinstance(cell, Layer) or not hasattr(cell, "state_size"):
        raise UsageError(f"a cell is a layer with a state_size, got {cell!r}")


def build_cell(cell: Any, input_shape: Shape) -> None:
    """Build a cell that says how; one that does not is built when first called."""
    if not cell.built and type(cell).build is not Layer.build:
        cell.build(input_shape)


def output_size(cell: Any) -> int:
    """Return the size of a cell's output: what it says, or the size of its first state."""
    size = getattr(cell, "output_size", None)
    return int(size if size is not None else tree.flatten([cell.state_size])[0])


def same(x: Tensor) -> Tensor:
    """Return x: what stands for no activation."""
    return x


def zero_states(sizes: object, batch_size: int | None) -> list[Any]:
    """Return zeros (batch_size, size) for each of the ``sizes``; UsageError without a batch size."""
    if batch_size is None:
        raise UsageError("get_initial_state expects batch_size, which follows from nothing here")
    return [zeros((batch_size, size)) for size in tree.flatten([sizes])]
