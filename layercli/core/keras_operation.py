"""Operation: a computation of one's own without variables, by Keras's name; every Layer is one."""

from __future__ import annotations

from typing import Any

from layercli.core import call_context, graph, naming, tree
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.types import Config
from layercli.errors import UsageError


class _EveryLayer(type):
    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Layer) if cls.__module__ == __name__ else super().__instancecheck__(x)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, Layer) if cls.__module__ == __name__ else super().__subclasscheck__(kind)


class Operation(Layer, metaclass=_EveryLayer):
    """The base class of computations without variables: write ``call``, and ``compute_output_spec`` where ``call`` needs values.

    A call on symbolic tensors records the operation as the node of a functional model; a call on anything else is ``call``.

    Args:
        name: The name; None for the class name in snake case with a number.
    """

    is_operation = True
    stateless = True
    takes_text = True

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name, autocast=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Describe the call on symbolic tensors, or compute it."""
        if not self.name:  # the user's __init__ does not call super().__init__
            self.name, self._autocast = naming.auto_name(type(self).__name__), False
        if any(isinstance(x, SymbolicTensor) for x in tree.flatten((args, kwargs))):
            return self.symbolic_call(*args, **kwargs)
        return self.rematerialized_call(self.call, *args, **kwargs)(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Return the results; override it."""
        raise NotImplementedError(f"{type(self).__name__} has no call")

    def symbolic_call(self, *args: object, **kwargs: object) -> Any:
        """Return symbolic results as ``compute_output_spec`` describes them."""
        if type(self).compute_output_spec is Operation.compute_output_spec:
            return self._symbolic_call(args, kwargs)
        node = graph.record(Node(self, args, kwargs))
        described = self.compute_output_spec(*args, **kwargs)
        self.built = True
        if not call_context.call_stack():
            self._node = self._node or (node if call_context.is_building_functional() else None)
        return node.set_outputs(tree.map_structure(spec_of, described))

    def compute_output_spec(self, *args: object, **kwargs: object) -> Any:
        """Return the Spec of the results, or a tree of them, for Specs or symbolic tensors; an override returns KerasTensors."""
        with call_context.fresh_trace():
            args, kwargs = graph.placeholders(tree.map_structure(spec_of, (args, kwargs)))
            return tree.map_structure(spec_of, self.call(*args, **kwargs))

    def get_config(self) -> Config:
        """Return the constructor's arguments as plain data, with the name."""
        return {key: value for key, value in super().get_config().items() if key not in ("trainable", "dtype")}

    def quantized_call(self, *args: object, **kwargs: object) -> Any:
        """Raise UsageError: an operation has no weights to quantize."""
        raise UsageError(f"{self.name} ({type(self).__name__}) has no weights to quantize")
