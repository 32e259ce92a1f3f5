"""How a call of a layer on symbolic tensors is described: the layer is built, the call recorded, and its outputs are Specs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from layercli.core import build, call_context, dtypes, equal_calls, graph, masking, tree
from layercli.core.call_context import CallContext
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import spec_of
from layercli.core.registry import signature_of
from layercli.core.spec import Spec, shown
from layercli.core.text import STRING
from layercli.core.types import Config, ShapeLike
from layercli.errors import ArgumentError, DTypeError


class SymbolicCalls:
    """``build``, calls on symbolic tensors, and ``compute_output_spec``, the parts of a Layer that know no values."""

    takes_text = False
    _described_once = False
    """Whether its calls depend on nothing but its arguments and inputs, so that a trace describes one of those that are equal."""

    if TYPE_CHECKING:  # of the Layer that these are methods of
        call: Callable[..., Any]

    def build(self: Any, *shapes: Any, **named: Any) -> None:
        """Make the variables for inputs of these shapes (batch first). The default traces a symbolic call."""
        if all(shape is None for shape in shapes) and not named and (self.built or shapes or self.required_inputs()):
            return  # without a shape there is nothing to do, as in Keras
        if type(self).build is not SymbolicCalls.build:  # called as super().build: nothing is left to do
            self.built = True
            return
        args, kwargs = tree.map_structure(
            SymbolicTensor, ([self._specs(x) for x in shapes], build.unsuffixed(named, self._specs))
        )
        if kwargs or not self._set_inputs(args):
            self(*args, **kwargs)

    def _set_inputs(self, inputs: list[Any]) -> bool:
        """Make ``inputs`` the model's inputs and return True, if it is a Sequential that has none; else return False."""
        return False

    def _symbolic_call(self: Any, args: tuple[Any, ...], kwargs: Config) -> Any:
        """Call on symbolic tensors: build the layer if needed, record the node and return its outputs."""
        node = graph.record(Node(self, args, kwargs))
        training = kwargs.get("training")
        if "training" not in kwargs:
            training = call_context.call_stack()[-1].training if call_context.call_stack() else None
            if training is None and self.trains_by_default():
                training = True
        with call_context.enter_call(CallContext(node, self, None if training is None else bool(training))):
            if self._given_policy is not None:
                self._take_policy()
            if self._autocast:
                args = tuple(
                    [self._cast_symbolic(x) if type(x) is SymbolicTensor else self._cast_tree(x) for x in args]
                )
                kwargs = self._cast_tree(kwargs)  # a copy: the node keeps what it was given
            if args:
                self._check_inputs(args[0])
            node.masks = graph.as_recorded(masking.fill_in(self, args, kwargs))
            kwargs.pop("training", None)
            first = equal_calls.find(self, node, args, kwargs, training) if self._described_once else None
            outputs = self._describe(node, args, kwargs) if first is None else equal_calls.follow(self, node, first)
        if not call_context.call_stack():
            self._call_specs = self._call_specs or tree.map_structure(spec_of, node.args)
            self._node = self._node or (node if call_context.is_building_functional() else None)
            self._fill_module()
            if self._module is None and not equal_calls.is_unchanging():
                self.set_as_root()
        return masking.passed_on(self, args, kwargs, node.set_outputs(outputs))

    def _describe(self: Any, node: Node, args: tuple[Any, ...], kwargs: Config) -> object:
        """Build the layer if needed, run ``call`` on symbolic tensors, and return the Specs of the outputs."""
        if not self.built:
            self._build_for(args, kwargs)
        if "training" in self.call_names():
            training = call_context.call_stack()[-1].training
            asked = self.training_default() is None or "training" in node.kwargs
            kwargs["training"] = training if asked else bool(training)
        results = self._traced(args, kwargs)
        node.results = graph.as_recorded(results)
        return tree.map_structure(spec_of, results)

    def _traced(self: Any, args: tuple[Any, ...], kwargs: Config) -> Any:
        """Return the results of ``call`` on symbolic tensors; of a user's that needs values, those that its class says it has."""
        try:
            return self.call(*args, **kwargs)
        except Exception:
            cls = type(self)
            if cls.compute_output_spec is not SymbolicCalls.compute_output_spec:
                described = self.compute_output_spec(*args, **{k: v for k, v in kwargs.items() if k != "training"})
                return tree.map_structure(lambda x: SymbolicTensor(spec_of(x)), described)
            if cls.compute_output_shape is SymbolicCalls.compute_output_shape or cls.__module__.startswith("layercli."):
                raise
            shapes = tree.map_structure(lambda x: build.ShapeLeaf(getattr(x, "shape", None)), args)
            described = self._specs(self.compute_output_shape(*build.unwrapped(shapes)))
            return tree.map_structure(SymbolicTensor, described)

    def _cast_tree(self: Any, x: object) -> Any:
        """Return a tree of inputs with each symbolic one in the compute dtype."""
        return tree.map_structure(self._cast_symbolic, x)

    def _cast_symbolic(self: Any, x: object) -> Any:
        """Return a symbolic input in the compute dtype, as in a call on tensors."""
        wanted = self._policy.compute
        if not isinstance(x, SymbolicTensor) or x.dtype == wanted or not dtypes.is_floating(x.dtype):
            if isinstance(x, SymbolicTensor) and x.dtype == STRING and not self.takes_text:
                raise DTypeError(
                    "expects numbers, got text", hint="StringLookup and TextVectorization give each text a number"
                )
            return x
        cast = SymbolicTensor(Spec(x.spec.shape, wanted), x.node, x.index, x.name)
        cast.mask, cast.origin = x.mask, x
        return cast

    def _build_for(self: Any, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
        """Call ``build`` with the shapes that it takes: of the first argument, or by name as ``query_shape``."""
        if type(self).build is not SymbolicCalls.build:
            if not args and not kwargs:
                raise ArgumentError(f"takes {', '.join(self.required_inputs()) or 'a tensor'}, got nothing")
            wanted = list(signature_of(type(self).build).parameters)[1:]
            if len(wanted) == len(args) == 1 and type(args[0]) is SymbolicTensor:
                self.build(args[0].shape)
                self.built = True
                return
            shapes = tree.map_structure(lambda x: build.ShapeLeaf(getattr(x, "shape", None)), (args, kwargs))
            if len(wanted) == 1:
                self.build(build.unwrapped(shapes[0][0] if args else next(iter(shapes[1].values()))))
            else:
                try:
                    bound = inspect.signature(self.call).bind(*shapes[0], **shapes[1]).arguments
                except TypeError as error:
                    raise ArgumentError(f"cannot be called on these inputs: {error}") from error
                named = {f"{key}_shape": build.unwrapped(shape) for key, shape in bound.items()}
                self.build(**{name: named[name] for name in wanted if name in named})
        self.built = True

    def _specs(self: Any, shape: ShapeLike) -> Any:
        """Return the Specs of inputs of a shape, or of a tree of shapes, in the compute dtype."""
        return build.specs_for(shape, self._policy.compute)

    def compute_output_spec(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the Spec, or the tree of Specs, of the outputs for the Specs of the inputs."""
        with call_context.fresh_trace():
            return graph.specs_of(self(*graph.placeholders(args), **graph.placeholders(kwargs)))

    def compute_output_shape(self: Any, input_shape: Any) -> Any:
        """Return the shape of the outputs for inputs of ``input_shape``; outside of a call with None for a size not known."""
        spec = self.compute_output_spec(self._specs(input_shape))
        return tree.map_structure(lambda spec: spec.shape if call_context.call_stack() else shown(spec.shape), spec)
