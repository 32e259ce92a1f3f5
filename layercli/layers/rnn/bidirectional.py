"""Bidirectional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.errors import ArgumentError, ShapeError, UsageError
from layercli.layers.rnn.copy_layer import clone_layer
from layercli.layers.validators import MergeMode
from layercli.ops.nn.time_folding import ReverseTime
from layercli.ops.numpy.joining import ConcatenateTensors

COMMON = ("stateful", "return_sequences", "return_state")
"""What both directions must have alike."""


class Bidirectional(Layer):
    """Run copies of a recurrent layer over x forwards and backwards, and merge their outputs.

    An initial state is the list of the states of both. Raises UsageError if the two layers do not match.
    Reference: Schuster and Paliwal 1997.

    Args:
        layer: The recurrent layer that runs forwards.
        merge_mode: "concat", "sum", "mul", "ave", or None for a list of both outputs.
        weights: Must be None; set the weights after building.
        backward_layer: The layer that runs backwards; None for a copy of layer.
    """

    layer: Any
    merge_mode: MergeMode = "concat"
    weights: Any = None
    backward_layer: Any = None
    _holds_layers = ("layer", "backward_layer")

    _left_out = frozenset({"weights"})
    supports_masking = True

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.return_sequences: bool
            self.return_state: bool

    def setup(self) -> None:
        """Make the two layers."""
        given, backward = vars(self).pop("layer"), vars(self).pop("backward_layer")
        start = vars(self).pop("weights")
        if start is not None:
            raise UsageError(
                "Bidirectional takes no weights here: set them on the layer once it is built, by set_weights"
            )
        for layer in (given, backward or given):
            if not isinstance(layer, Layer) or not hasattr(layer, "go_backwards"):
                raise ArgumentError(f"Bidirectional expects a recurrent layer, got {layer!r}")
        self.forward_layer = clone_layer(given, f"forward_{given.name.removeprefix('forward_')}")
        turned = not given.go_backwards
        self.backward_layer = backward or clone_layer(
            given, f"backward_{given.name.removeprefix('backward_')}", go_backwards=turned
        )
        self._check()
        for layer in (self.forward_layer, self.backward_layer):
            layer.zero_output_for_mask = layer.return_sequences
        self.stateful, self.return_sequences, self.return_state = (getattr(given, name) for name in COMMON)

    def _check(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise UsageError("Bidirectional expects layers that go opposite ways, got two with the same go_backwards")
        for name in COMMON:
            if getattr(forward, name) != getattr(backward, name):
                raise UsageError(f"Bidirectional expects both layers to have the same {name}")

    def _expected_input(self, shape: Shape | None) -> Any:
        return self.forward_layer.input_spec

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        """Build both layers."""
        self.forward_layer.build(sequences_shape)
        self.backward_layer.build(sequences_shape)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """Return the merged outputs, or both; then the states of both, if return_state."""
        first, second = self._halves(initial_state)
        forward = self.forward_layer(sequences, initial_state=first, mask=mask, training=training)
        backward = self.backward_layer(sequences, initial_state=second, mask=mask, training=training)
        (x, *states), (y, *more) = (out if self.return_state else (out,) for out in (forward, backward))
        if self.return_sequences:
            y = ReverseTime()(y)
        out = self._merged(x, y)
        if not self.return_state:
            return out
        return (*out, *states, *more) if self.merge_mode is None else (out, *states, *more)

    def _merged(self, x: Tensor, y: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        match self.merge_mode:
            case "concat":
                return ConcatenateTensors()(x, y)
            case "sum":
                return x + y
            case "mul":
                return x * y
            case "ave":
                return (x + y) * 0.5
        return (x, y)

    def _halves(self, initial_state: Any) -> tuple[object, object]:
        """Return the states to start from, of each direction."""
        if initial_state is None:
            return None, None
        given = list(initial_state)
        if len(given) % 2:
            raise ShapeError(f"expects as many initial states for each direction, got {len(given)} in all")
        return given[: len(given) // 2], given[len(given) // 2 :]

    @property
    def states(self) -> Any:
        """The states of both directions that last from call to call; None for a layer that is not ``stateful``."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return None if forward is None else (*forward, *backward)

    def reset_state(self) -> None:
        """Start the next call from zeros, for a layer that is ``stateful``."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Any:
        """Return the mask of the steps, where there are steps in the outputs."""
        mask = tree.flatten([previous_mask])[0] if self.return_sequences else None
        return (mask, mask) if self.merge_mode is None else mask
