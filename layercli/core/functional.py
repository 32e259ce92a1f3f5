"""Functional models: they run the graph between symbolic inputs and outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from layercli.core import call_context, dims, naming, tree
from layercli.core.backend import get_backend
from layercli.core.graph import Graph
from layercli.core.input_spec import InputSpec
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.operation import spec_of
from layercli.core.registry import require_config
from layercli.core.spec import Shape
from layercli.core.text import is_text
from layercli.core.types import Config, TensorTree
from layercli.errors import ShapeError, UsageError


class Functional(Model):
    """The model between ``inputs`` and ``outputs``: symbolic tensors, or lists, tuples and dicts of them."""

    passes_masks = True

    def __init__(self, inputs: object, outputs: object, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        for end, given in (("inputs", inputs), ("outputs", outputs)):
            if not tree.flatten(given):
                raise UsageError(f"the {end} of a model are empty")
            if not all(isinstance(x, SymbolicTensor) for x in tree.flatten(given)):
                raise UsageError(f"the {end} of a model must come from Input and from layers called on it")
        self._graph = Graph(alone(inputs), sorted_dicts(alone(outputs)))
        names = [each.name for each in self._graph.operations if isinstance(each, Layer)]
        names += {
            id(x): x.name for x in tree.flatten(inputs) if not isinstance(x.node.target if x.node else None, Layer)
        }.values()
        if twice := [name for name, count in Counter(names).items() if count > 1]:
            raise UsageError(
                f"the layers and inputs of a model need names of their own, and two are called {twice[0]!r}"
            )
        self._call_specs = (self._graph.specs,)
        self._asks_training = self._graph.says_training
        self.built = True
        self.set_as_root()

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs, flat."""
        return tree.flatten(self._graph.inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, flat."""
        return tree.flatten(self._graph.outputs)

    @property
    def input(self) -> TensorTree:
        """The symbolic input, or the tree of inputs."""
        return self._graph.inputs

    @property
    def output(self) -> TensorTree:
        """The symbolic output, or the tree of outputs."""
        return self._graph.outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, batch first, or a list of one for each of ``inputs``."""
        return alone([x.shape for x in self.inputs])

    @property
    def output_shape(self) -> Any:
        """The shape of the output, batch first, or a list of one for each of ``outputs``."""
        return alone([x.shape for x in self.outputs])

    def _expected_input(self, shape: Shape | None) -> Any:
        """Return the InputSpecs of the inputs, by the names of a dict; None for a dict that holds trees."""
        tree_of_inputs = self._graph.inputs
        if not isinstance(tree_of_inputs, dict):
            return [_input_spec(x, x.name) for x in self.inputs]
        if not all(isinstance(x, SymbolicTensor) for x in tree_of_inputs.values()):
            return None
        return [_input_spec(tree_of_inputs[name], name) for name in sorted(tree_of_inputs)]

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: those of the layers or operations that return them."""
        return [x.node.target.name if isinstance(x.node.target, Layer) else x.name for x in self.outputs if x.node]

    @property
    def layers(self) -> list[Layer]:
        """The layers of the graph in Keras's order, with an InputLayer for each input."""
        return [layer for layer in self._layers if not layer.is_operation]

    @cached_property
    def _layers(self) -> list[Layer]:  # made once: an input stays one layer
        return [
            get_backend().input_layer(each) if isinstance(each, SymbolicTensor) else each
            for each in self._graph.topological_order
            if isinstance(each, (SymbolicTensor, Layer))
        ]

    @property
    def operations(self) -> list[Any]:
        """The inputs, layers and operations of the graph, in the order of the calls."""
        layers = iter(self._layers)
        order = self._graph.topological_order
        return [next(layers) if isinstance(each, (SymbolicTensor, Layer)) else each.target for each in order]

    def children(self) -> list[tuple[str, Layer]]:
        """Return the layers of the graph by their names; generated names are numbered for each class."""
        return list(named_by_class([each for each in self._graph.operations if isinstance(each, Layer)]))

    def get_config(self) -> Config:
        """Return the layers and operations with the calls made of them, the inputs and the outputs, as Keras has them.

        A subclass with a constructor of its own has that one's arguments. UsageError for what no file can hold.
        """
        if type(self).__init__ is not Functional.__init__:
            return super().get_config()
        return get_backend().functional_config(self)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return a new model from its config; raise FormatError if the config is invalid."""
        require_config(cls, config)
        if "input_layers" not in config:
            return super().from_config(config)
        return get_backend().functional_from_config(config, custom_objects)

    @property
    def _says_training(self) -> bool:
        return type(self).call is Functional.call or super()._says_training

    def call(self, inputs: Any) -> Any:
        """Return the outputs of the graph."""
        start = None if self._module is None else self._module.step_start()
        training = self._asked_training() if self._asks_training else None
        return self._graph.run(self._in_order(inputs), training, start)

    def _asked_training(self) -> bool | None:
        """Return what the call in progress says of ``training``, None where it says nothing."""
        if call_context.call_stack():
            return call_context.call_stack()[-1].training
        return None if self._module is None else self._module.asked_training

    def _in_order(self, inputs: object) -> list[Any]:
        """Return ``inputs`` flat in the order of the graph; the keys of a dict are names of inputs."""
        wanted = self._graph.inputs
        if isinstance(inputs, dict):
            names = list(wanted) if isinstance(wanted, dict) else [x.name for x in self.inputs]
            missing = [name for name in names if name not in inputs]
            if missing:
                raise ShapeError(f"expects an input named {missing[0]!r}, got {', '.join(map(repr, inputs)) or 'none'}")
            return tree.flatten([inputs[name] for name in names])
        flat = tree.flatten(inputs)
        if len(flat) != len(self.inputs):
            raise ShapeError(f"expects {len(self.inputs)} inputs, got {len(flat)}")
        return [fitted(x, wanted) for x, wanted in zip(flat, self.inputs, strict=True)]


Function = Functional
"""Keras's name for a computation drawn from inputs to outputs: here such a model, with or without variables."""


def _input_spec(x: SymbolicTensor, name: str) -> InputSpec:
    shape = tuple(map(dims.number, x.shape))
    return InputSpec(shape=(None, *shape[1:]), allow_last_axis_squeeze=True, name=name)


def alone(ends: object) -> Any:
    """Return the tensor of a list of one, as Keras does."""
    return ends[0] if isinstance(ends, (list, tuple)) and len(ends) == 1 else ends


def fitted(x: Any, wanted: SymbolicTensor) -> Any:
    """Return x with a last axis of size 1 added or removed to get the expected rank; raise ShapeError for another rank."""
    rank, shape = wanted.ndim, x.shape
    if len(shape) == rank:
        return x
    if len(shape) == rank - 1 and wanted.shape[-1] == 1:
        return x[..., None] if is_text(x) else get_backend().ops.expand_dims(x, -1)
    if len(shape) == rank + 1 and shape[-1] == 1:
        return get_backend().ops.squeeze(x, -1)
    raise ShapeError(f"expects the input {wanted.name} with {rank} axes, got {len(shape)} (x = {spec_of(x)})")


def named_by_class(layers: list[Layer]) -> Iterator[tuple[str, Layer]]:
    """Yield layers by names that do not depend on earlier layers: the user's name, or the class name numbered in this model."""
    yield from zip(naming.uniquify(map(naming.stem_of, layers)), layers, strict=True)


def sorted_dicts(value: object) -> Any:
    """Return a tree with the keys of every dict in it in order, as Keras has the outputs of a model."""
    if isinstance(value, dict):
        return {key: sorted_dicts(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(map(sorted_dicts, value))
    return value
