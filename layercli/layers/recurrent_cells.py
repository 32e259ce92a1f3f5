"""One step of a recurrence, as a layer: SimpleRNN's, LSTM's, GRU's, and several on top of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from layercli import initializers
from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.errors import UsageError
from layercli.layers.dropout import Dropout
from layercli.layers.settings import (
    Activation,
    Constraint,
    Fraction,
    Initializer,
    PositiveInt,
    Regularizer,
    Seed,
    Truth,
)
from layercli.ops.nn.rnn import Filled, GruStep, LstmStep, Pick
from layercli.ops.numpy.linear import Dense, MatMul


class Cell(Layer):
    """A cell with a kernel for its input, one for its state, and dropout of both, decided once for a whole sequence.

    ``call(x, states)`` returns the output and the new states.
    """

    gates = 1

    if TYPE_CHECKING:  # settings
        units: int
        dropout: float
        recurrent_dropout: float
        seed: int | None
        use_bias: bool
        activation: Any

    def setup(self) -> None:
        """Make the dropouts that are wanted."""
        self.state_size: Any = self.units
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

    def _weight(self, name: str, shape: Any, kind: str) -> Any:
        settings = {key: getattr(self, f"{kind}_{key}") for key in ("initializer", "regularizer", "constraint")}
        return self.add_weight(name, shape, layout=None if kind == "bias" else (1, 0), **settings)

    def masks(self, inputs: Any) -> list[Any]:
        """Return what multiplies the input and the state in training, one draw of each for x (batch, ...); None is 1."""
        kept = zip((self._input_dropout, self._state_dropout), (int(self.features), self.units), strict=True)
        return [None if layer is None else layer(Filled(1.0, (size,))(inputs), training=True) for layer, size in kept]

    def start(self, inputs: Any) -> Any:
        """Return the states to start from, zeros, for x (batch, ...)."""
        return [Filled(0.0, (size,))(inputs) for size in tree.leaves([self.state_size])]

    def get_initial_state(self, batch_size: int) -> Any:
        """Return the states to start from, zeros, for a batch of that size."""
        from layercli.lazy import torch

        return self.start(torch.zeros(batch_size, 1))

    def _dropped(self, x: Any, h: Any, masks: tuple[Any, Any], training: bool) -> tuple[Any, Any]:
        """Return the input and the state as the kernels see them."""
        if training and masks == (None, None):
            masks = tuple(self.masks(x))
        by_x, by_h = masks if training else (None, None)
        return x if by_x is None else x * by_x, h if by_h is None else h * by_h


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


class LSTMCell(Cell):
    """c' = f c + i activation(g), h' = o activation(c'), for the gates i, f, g, o of x @ kernel + h @ recurrent_kernel + bias.

    i, f and o go through ``recurrent_activation``; the output is h'. ``unit_forget_bias`` starts the bias of f at 1.
    """

    units: PositiveInt
    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
    use_bias: Truth = True
    kernel_initializer: Initializer = "glorot_uniform"
    recurrent_initializer: Initializer = "orthogonal"
    bias_initializer: Initializer = "zeros"
    unit_forget_bias: Truth = True
    kernel_regularizer: Regularizer = None
    recurrent_regularizer: Regularizer = None
    bias_regularizer: Regularizer = None
    kernel_constraint: Constraint = None
    recurrent_constraint: Constraint = None
    bias_constraint: Constraint = None
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    seed: Seed = None

    gates = 4

    def setup(self) -> None:
        """Make the op of the gates."""
        super().setup()
        self.state_size = [self.units, self.units]
        self.op = LstmStep(self.activation or same, self.recurrent_activation or same)

    def _weight(self, name: str, shape: Any, kind: str) -> Any:
        if name != "bias" or not self.unit_forget_bias:
            return super()._weight(name, shape, kind)
        regularizer, constraint = self.bias_regularizer, self.bias_constraint
        start = forgetting(self.bias_initializer, self.units)
        return self.add_weight(name, shape, start, regularizer=regularizer, constraint=constraint)

    def call(
        self, inputs: Any, states: Any, input_mask: Any = None, state_mask: Any = None, training: bool = False
    ) -> Any:
        """Return the output and [h', c']."""
        x, h = self._dropped(inputs, states[0], (input_mask, state_mask), training)
        z = Dense()(x, self.kernel, self.bias) + MatMul()(h, self.recurrent_kernel)
        h, c = self.op(z, states[1])
        return h, [h, c]


class GRUCell(Cell):
    """h' = z h + (1 - z) activation(x_h + r (h @ U_h)), z and r being ``recurrent_activation`` of x_z + h @ U_z, x_r + h @ U_r.

    x_z, x_r, x_h are the parts of x @ kernel + bias, U_z, U_r, U_h those of recurrent_kernel; the output is h'. Without
    ``reset_after`` the candidate is activation(x_h + (r h) @ U_h), and there is one bias instead of two.
    """

    units: PositiveInt
    activation: Activation = "tanh"
    recurrent_activation: Activation = "sigmoid"
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
    reset_after: Truth = True
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
        self, inputs: Any, states: Any, input_mask: Any = None, state_mask: Any = None, training: bool = False
    ) -> Any:
        """Return the output and [h']."""
        [h], given = listed(states)
        x, dropped = self._dropped(inputs, h, (input_mask, state_mask), training)
        both = self.bias is not None and self.reset_after
        of_x, of_h = (Pick(0)(self.bias), Pick(1)(self.bias)) if both else (self.bias, None)
        out = self.op(Dense()(x, self.kernel, of_x), h, dropped, self.recurrent_kernel, of_h)
        return out, given(out)


class StackedRNNCells(Layer):
    """Cells on top of each other: each takes the output of the one before, and all have states of their own."""

    cells: Any

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

    def build(self, input_shape: Shape) -> None:
        """Build each cell for the output of the one before."""
        for cell in self.cells:
            build_cell(cell, input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def masks(self, inputs: Any) -> list[Any]:
        """Return the draws of dropout of all cells, two for each."""
        return [
            mask for cell in self.cells for mask in (cell.masks(inputs) if isinstance(cell, Cell) else (None, None))
        ]

    def call(self, inputs: Any, states: Any, *masks: Any, training: bool = False) -> Any:
        """Return the last cell's output and the states of all."""
        x, new = inputs, []
        for i, (cell, state) in enumerate(zip(self.cells, states, strict=True)):
            told = {"training": training} if "training" in cell.call_names() else {}
            given = masks[2 * i : 2 * i + 2] if isinstance(cell, Cell) else ()
            nested = isinstance(state, (list, tuple))
            x, after = cell(x, state if nested else [state], *given, **told)
            new.append(after if nested or not isinstance(after, (list, tuple)) else after[0])
        return x, new


def listed(states: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the states of a cell of one in a list, and what makes of the new state the kind that was given."""
    if isinstance(states, (list, tuple)):
        return states, lambda state: [state]
    return [states], lambda state: state


def forgetting(initializer: Any, units: int) -> Any:
    """Return an initializer of the bias of four gates that starts that of the second one, the forget gate, at 1."""

    def draw(shape: Any, dtype: str = "float32", rng: Any = None) -> Any:
        bias = initializers.values(initializer, shape, dtype, rng)
        bias[units : 2 * units] = 1
        return bias

    return draw


def check_cell(cell: Any) -> None:
    """Raise UsageError where ``cell`` is no layer with a state_size."""
    if not isinstance(cell, Layer) or not hasattr(cell, "state_size"):
        raise UsageError(f"a cell is a layer with a state_size, got {cell!r}")


def build_cell(cell: Any, input_shape: Shape) -> None:
    """Build a cell that says how; one that does not is built when first called."""
    if not cell.built and type(cell).build is not Layer.build:
        cell.build(input_shape)


def output_size(cell: Any) -> int:
    """Return the size of a cell's output: what it says, or the size of its first state."""
    said = getattr(cell, "output_size", None)
    return int(said if said is not None else tree.leaves([cell.state_size])[0])


def same(x: Any) -> Any:
    """Return x: what stands for no activation."""
    return x
