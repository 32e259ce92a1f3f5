"""Sequential models."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from layercli.core import call_context, tree
from layercli.core.backend import get_backend
from layercli.core.functional import fitted, named_by_class
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.operation import spec_of
from layercli.core.registry import require_config
from layercli.core.spec import Spec
from layercli.core.types import Config
from layercli.errors import IndexRangeError, NoTensorError, ShapeError, UsageError


class Sequential(Model):
    """A linear stack of layers: each takes the output of the previous one.

    ``Input(...)`` first, or ``input_shape=`` on the first layer, builds the model at once.

    Args:
        layers: The layers.
        name: The name of the model.
    """

    passes_masks = True

    def __init__(self, layers: Iterable[Any] = (), name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._stack: list[Layer] = []
        self._input: SymbolicTensor | None = None
        self._ends: list[Any] = []
        names: set[str] = set()
        for layer in layers or ():
            self._append(layer, names)
        self._rebuild()

    def add(self, layer: object, rebuild: bool = True) -> None:
        """Append a layer. ``rebuild`` is accepted as in Keras."""
        self._append(layer, {other.name for other in self._stack})
        self._rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it. ``rebuild`` is accepted as in Keras."""
        if not self._stack:
            raise IndexRangeError(f"{self.name} has no layer to take off")
        layer = self._stack.pop()
        self._rebuild()
        return layer

    def children(self) -> list[tuple[str, Layer]]:
        """Return the layers by their names; generated names are numbered for each class."""
        return list(named_by_class(list({id(layer): layer for layer in self._stack}.values())))

    def _set_inputs(self, inputs: list[Any]) -> bool:
        if self._input is not None or not self._stack or [type(x) for x in inputs] != [SymbolicTensor]:
            return False
        self._input = inputs[0]  # build(shape) is Input(shape), as in Keras: layers and model have inputs and outputs
        try:
            self._rebuild()
        except Exception:
            self._input = None
            raise
        return True

    @property
    def _says_training(self) -> bool:
        return type(self).call is Sequential.call or super()._says_training

    def call(self, inputs: Any) -> Any:
        """Return the output of the last layer."""
        if not self._stack:
            raise UsageError("has no layers to call: add(layer)")
        if self._input is not None and isinstance(inputs, Mapping):
            if list(inputs) == [self._input.name]:
                return self.call(inputs[self._input.name])
            raise ShapeError(f"expects one input, got a dict of {', '.join(map(repr, inputs))}")
        x = inputs if self._input is None else fitted(self._only(inputs), self._input)
        start = None if self._module is None else self._module.step_start()
        for layer in self._stack:
            if start is not None:
                start(layer)
            x = layer(x)
        return x

    def _only(self, inputs: Any) -> Any:
        """Return the input of a list of one; of several the first with a warning, as in Keras."""
        if not isinstance(inputs, (list, tuple)) or not inputs:
            return inputs
        if len(inputs) > 1:
            warnings.warn(f"{self.name} has one input and takes the first of {len(inputs)}", stacklevel=2)
        return inputs[0]

    def get_config(self) -> Config:
        """Return the configs of the layers, with the input first if it is known, as in Keras.

        A subclass with its own constructor has the arguments of that. Raises UsageError for a model that cannot be serialized.
        """
        if type(self).__init__ is not Sequential.__init__:
            return super().get_config()
        return get_backend().sequential_config(self)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return a new model from its config; raise FormatError if the config is invalid."""
        if cls.__init__ is not Sequential.__init__:
            return super().from_config(config)
        require_config(cls, config)
        return get_backend().sequential_from_config(cls, config, custom_objects)

    @property
    def input_shape(self) -> Any:
        """The shape of the input, batch first. Raises NoTensorError as ``input``."""
        return self.input.shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output, batch first. Raises NoTensorError as ``input``."""
        return tree.map_structure(lambda x: x.shape, self.output)

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic input in a list. Raises NoTensorError as ``input``."""
        return [self.input]

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, flat. Raises NoTensorError as ``input``."""
        return tree.flatten(self.output)

    @property
    def input(self) -> Any:
        """The symbolic input: the Input, or one like that of the first call. Raises NoTensorError before that."""
        return self._known_ends()[0]

    @property
    def output(self) -> Any:
        """The symbolic output for ``input``. Raises NoTensorError as that."""
        return self._known_ends()[-1]

    def _known_ends(self) -> list[Any]:
        """Return the symbolic input and the output of each layer; without an Input, those of the first call."""
        if not self._ends:
            spec = self._call_specs[0] if self._call_specs else None
            if not isinstance(spec, Spec):
                raise NoTensorError(
                    f"{self.name} has no Input and was not called on a tensor, so it has no input and no output"
                )
            self._ends = self._drawn(SymbolicTensor(spec, name="inputs"))
        return self._ends

    def _drawn(self, x: Any) -> list[Any]:
        """Return ``x`` and the symbolic output of each layer, which has its own input and output from then on."""
        ends = [x]
        with call_context.fresh_trace(building_functional=True):
            for layer in self._stack:
                ends.append(layer(ends[-1]))
        return ends

    def _append(self, layer: object, names: set[str]) -> None:
        """Put a layer on top of those that have the ``names``, to which its own is added."""
        if isinstance(layer, Layer):
            layer = vars(layer).get("begins_with", layer)  # an InputLayer stands for the input it makes
        if isinstance(layer, SymbolicTensor):
            if self._stack:
                raise UsageError(f"{self.name} takes an Input only before its first layer")
            self._input = layer
            return
        if not isinstance(layer, Layer):
            raise UsageError(f"{self.name} takes layers, got {layer!r}")
        if layer.name in names and layer not in self._stack:
            raise UsageError(f"{self.name} already has a layer named {layer.name!r}")
        names.add(layer.name)
        if not self._stack and self._input is None and layer._input_shape is not None:
            self._input = SymbolicTensor(Spec(layer._input_shape, layer.compute_dtype), name="inputs")
        self._stack.append(layer)

    def _rebuild(self) -> None:
        """Rebuild after a change: without a layer module, and built if the input is known."""
        self._module = self._call_specs = None
        self._ends = []
        self.built = False
        if self._input is None or not self._stack:
            return
        with call_context.fresh_trace():
            outputs = tree.flatten(self(self._input))
        own = next((x.node for x in outputs if isinstance(x, SymbolicTensor)), None)  # None without an output tensor
        calls = [call for call in own.calls if isinstance(call.target, Layer)] if own is not None else []
        if [id(call.target) for call in calls] == list(map(id, self._stack)) and calls[0].args[:1] == (self._input,):
            self._ends = [self._input]
            for layer, call in zip(self._stack, calls, strict=True):
                layer._node = call
                layer._call_specs = layer._call_specs or tree.map_structure(spec_of, call.args)
                self._ends.append(call.outputs)
            return
        for layer in self._stack:
            layer._node = None
        self._ends = self._drawn(self._input)  # once more, for what a subclass calls, or what is cast first
