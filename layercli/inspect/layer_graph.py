"""Build the ModelGraph of a Layer or Model from one symbolic call: each operation with the module that ran it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from layercli.core import tree
from layercli.core.dims import UNKNOWN
from layercli.core.graph import Node, watch_lifetimes
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.lifetimes import Lifetimes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.variable import Variable
from layercli.inspect.copied_call import CopiedCall
from layercli.inspect.layer_call import described, ends, input_names
from layercli.inspect.layer_summary import summary_of
from layercli.inspect.layer_tree import LayerTree
from layercli.inspect.memory_order import RECURRENCE
from layercli.inspect.model_graph import (
    ROOT,
    ModelGraph,
    ModelGraphBuilder,
    ModuleCall,
    OperationCall,
    ValueKind,
)
from layercli.inspect.summary import Summary

VIEWS = frozenset(
    {
        "ArraySplit", "BroadcastTo", "Crop", "Diagonal", "ExpandDims", "Frames", "GetItem", "ReluInPlace", "Select", "Split",
        "SplitTimeFromBatch", "Squeeze", "StopGradient", "Transpose", "Unstack", "View",
    }
)  # fmt: skip
"""Operations whose result is always a view of an operand, or computed in place."""
RESHAPES = frozenset({"MergeTimeIntoBatch", "ReshapeTensor"})
"""Operations whose result is a view of an operand that is contiguous, and a copy of another one.

Of one sequence the outputs of a recurrence are contiguous; an open batch counts as several.
"""
SCATTERED = frozenset({"BroadcastTo", "Transpose"})
"""Operations whose result is not contiguous, so that a reshape copies it; the outputs of a recurrence are not either."""


def layer_graph(
    model: Layer,
    inputs: object = None,
    *,
    name: str = "",
    source: str = "",
    arguments: Mapping[str, object] | None = None,
) -> ModelGraph:
    """Return the ModelGraph of ``model`` called on ``inputs``: a Spec or a tree of them; default: those it was built for.

    ``arguments`` are keyword arguments of the call, such as ``training`` or ``cache``.
    """
    with watch_lifetimes() as lifetimes:
        node, given = described(model, inputs, **(arguments or {}))
    describer = _Describer(model, name or model.name, source or type(model).__module__)
    return describer.graph(node, given, lifetimes)


def layer_views(model: Layer, inputs: object, *, name: str, source: str) -> tuple[ModelGraph, Summary]:
    """Return the ModelGraph and the summary of one symbolic call, which is most of the work for both."""
    with watch_lifetimes() as lifetimes:
        node, given = described(model, inputs)
    describer = _Describer(model, name, source)
    graph = describer.graph(node, given, lifetimes)
    return graph, summary_of(model, node, given, name=name, source=source, layers=describer.layers)


class _Describer:
    """Converts the nodes of a symbolic call into a ModelGraph."""

    def __init__(self, model: Layer, name: str, source: str) -> None:
        self.model = model
        self.builder = ModelGraphBuilder(name, type(model).__name__, source)
        self.places: dict[Any, int] = {}
        self.scattered: set[int] = set()
        self.keep: list[Any] = []
        self.leaves: dict[int, tuple[object, list[Any]]] = {}
        self.nodes: dict[int, int] = {}
        self.copied: dict[int, CopiedCall] = {}
        self.copies: list[tuple[CopiedCall, CopiedCall]] = []
        self.paths = {id(model): ROOT}
        self.layers = LayerTree(model)
        self._add_layer(ROOT, 0, model)
        for path, depth, layer in self.layers.below():
            self.paths[id(layer)] = path
            self._add_layer(path, depth, layer)
        for _, layer in self.layers.layers:
            for child in self.layers.children[id(layer)]:
                self.builder.add_child(self.paths[id(layer)], self.paths[id(child)])

    def _add_layer(self, path: str, depth: int, layer: Layer) -> None:
        self.builder.add_module(
            path,
            type(layer).__name__,
            name=layer.name,
            depth=depth,
            arguments=getattr(layer, "_settings", {}),
            variables={variable.key: self._variable(variable, path) for variable in layer.own_variables},
            built=not self.layers.lacks_variables(layer),
        )

    def graph(self, root: Node, given: object, lifetimes: Lifetimes) -> ModelGraph:
        """Return the ModelGraph of one call of the model, whose node is ``root``."""
        inputs = self._inputs(root, given)
        self._add_layer_call(root, ROOT)
        self._add_lifetimes(lifetimes)
        found = ends(root.outputs, None)
        leaves = [x for x in tree.flatten(root.outputs) if isinstance(x, SymbolicTensor)]
        names = [name for name, spec in found if isinstance(spec, Spec)]
        return self.builder.graph(inputs, {name: self.place(x, ROOT) for name, x in zip(names, leaves, strict=True)})

    def _add_lifetimes(self, lifetimes: Lifetimes) -> None:
        """Record after how many calls each value was dropped; a value of several tensors lives as long as all of them."""
        calls = [0]  # the calls made before the first node, the second one, ...
        for node in lifetimes.nodes:
            calls.append(max(calls[-1], self.nodes.get(id(node), 0)))
        dropped = self.builder.dropped
        for node in lifetimes.nodes:
            if id(node) in self.nodes:
                for x in tree.flatten(node.outputs):
                    if isinstance(x, SymbolicTensor):
                        at = calls[lifetimes.dropped.get(id(x), -1)]
                        index = self.place(x, ROOT)
                        dropped[index] = max(at, dropped.get(index, 0))
        for first, copy in self.copies:
            for index, other in zip(first.values, copy.values, strict=True):
                if index in dropped:
                    at = min(dropped[index], first.calls.stop) - first.calls.start + copy.calls.start
                    dropped[other] = max(at, dropped.get(other, 0))

    def _inputs(self, root: Node, given: object) -> dict[str, int]:
        """Add the inputs and return their indices by name, in the order of ``given``."""
        free = root.inputs
        found = {}
        for name, spec in ends(given, input_names(self.model, given)):
            x = next((x for x in free if x.spec is spec), None)
            if x is not None:
                free.remove(x)
                found[name] = self._add(x, spec, ValueKind.INPUT, path=name)
        return found

    def _add(self, key: Any, spec: Spec, kind: ValueKind, **more: Any) -> int:
        """Add a value for ``key``, an object that must stay alive until the graph is complete."""
        self.keep.append(key)
        self.places[id(key)] = self.builder.add_value(spec, kind, **more)
        return self.places[id(key)]

    def _variable(self, variable: Variable, path: str) -> int:
        if id(variable) in self.places:
            return self.places[id(variable)]
        kind = ValueKind.PARAMETER if variable.made_trainable else ValueKind.BUFFER
        name = f"{path}/{variable.key}".lstrip("/")
        return self._add(variable, variable.spec, kind, path=name, trainable=variable.trainable)

    def place(self, x: object, module: str) -> int:
        """Return the index of a symbolic tensor, variable or array used inside ``module``."""
        if (known := self.places.get(id(x))) is not None:
            return known
        if isinstance(x, Variable):
            return self._variable(x, module)
        if not isinstance(x, SymbolicTensor):
            return self._add(x, spec_of(x), ValueKind.CONSTANT)
        if x.origin is not None:
            return self._cast(x, module)
        if x.node is None:
            return self._add(x, x.spec, ValueKind.CONSTANT)
        if isinstance(x.node.target, Op):  # another object represents the same output
            return self._of_output(x)
        inner = self._leaf(x.node.results, x.index)
        self.keep.append(x)
        self.places[id(x)] = self.place(inner, module)
        return self.places[id(x)]

    def _leaf(self, ends: object, index: int) -> Any:
        """Return one of the outputs of a call, which are flattened once: each of thousands is asked for."""
        if id(ends) not in self.leaves:
            self.leaves[id(ends)] = ends, tree.flatten(ends)
        return self.leaves[id(ends)][1][index]

    def _of_output(self, x: SymbolicTensor) -> int:
        assert x.node is not None
        original = self._leaf(x.node.outputs, x.index)
        known = self.places.get(id(original))
        return self._add(x, x.spec, ValueKind.CONSTANT) if known is None else known

    def _cast(self, x: SymbolicTensor, module: str) -> int:
        """Return the index of a variable's or tensor's value after a cast to another dtype."""
        before = self.place(x.origin, module)
        if self.builder.values[before].spec.dtype == x.dtype:
            self.keep.append(x)
            self.places[id(x)] = before
            return before
        after = self._add(x, x.spec, ValueKind.ACTIVATION)
        self.builder.calls.append(OperationCall("Cast", module, (before,), (after,), arguments={"dtype": x.dtype}))
        return after

    def _add_layer_call(self, node: Node, path: str) -> None:
        assert isinstance(node.target, Layer)
        module = self.paths.get(id(node.target), path)
        inputs = tuple(self.place(x, path) for x in node.inputs)
        if node.like is not None:
            self._add_equal_call(node, node.like, inputs)
            return
        start = len(self.builder.calls)
        slot = len(self.builder.module_calls)
        first = len(self.builder.values)
        self.builder.module_calls.append(ModuleCall(module, inputs, None, start, start, finished=False))
        for call in node.calls:
            if isinstance(call.target, Layer):
                self._add_layer_call(call, module)
            else:
                self._add_operation(call, module)
        outputs = tree.map_structure(
            lambda x: self.place(x, module) if isinstance(x, SymbolicTensor) else None, node.outputs
        )
        self.builder.module_calls[slot] = ModuleCall(module, inputs, outputs, start, len(self.builder.calls))
        self.nodes[id(node)] = start
        if node.inside:
            ends = len(self.builder.values), len(self.builder.calls), len(self.builder.module_calls)
            self.copied[id(node)] = CopiedCall(inputs, *map(range, (first, start, slot), ends))

    def _add_equal_call(self, node: Node, like: Node, inputs: tuple[int, ...]) -> None:
        """Add a call as a copy of the one that it is like."""
        first, modules, same = self.copied[id(like)], {}, {}
        for theirs, own in zip(like.inside, node.inside, strict=True):
            modules[self.paths[id(theirs)]] = self.paths[id(own)]
            for one, other in zip(theirs._variables.values(), own._variables.values(), strict=True):
                same[self._variable(one, "")] = self._variable(other, self.paths[id(own)])
        same |= zip(first.inputs, inputs, strict=True)
        copy = first.copied(self.builder, modules, same)
        self.copies.append((first, copy))
        self.scattered |= {other for one, other in zip(first.values, copy.values, strict=True) if one in self.scattered}
        places = tree.flatten(self.builder.module_calls[copy.module_calls.start].outputs)
        for x, place in zip(tree.flatten(node.outputs), places, strict=True):
            if place is not None:
                self.keep.append(x)
                self.places[id(x)] = place
        self.nodes[id(node)] = copy.calls.stop

    def _add_operation(self, node: Node, module: str) -> None:
        op = node.target
        assert isinstance(op, Op)
        inputs = [
            self._operand(x, spec, module)
            for x, spec in zip(node.args, node.specs, strict=True)
            if isinstance(spec, Spec)
        ]
        name = operation_name(op)
        source = inputs[0] if node.in_place else self._viewed(name, inputs)
        outputs = tuple(
            self._add(x, x.spec, ValueKind.ACTIVATION, view_of=source)
            for x in tree.flatten(node.outputs)
            if isinstance(x, SymbolicTensor)
        )
        if name in SCATTERED or (source is not None and source in self.scattered):
            self.scattered.update(outputs)
        if name == RECURRENCE and 1 not in node.args[0].shape[:2]:
            self.scattered.add(outputs[0])
        macs = op.macs(*node.specs)
        unknown = f"the sizes {name} is given are not known" if macs == UNKNOWN else ""
        self.builder.calls.append(
            OperationCall(
                name, module, tuple(inputs), outputs, None if unknown else macs, unknown, arguments_of(op, node)
            )
        )
        self.nodes[id(node)] = len(self.builder.calls)

    def _operand(self, x: object, spec: Spec, module: str) -> int:
        """Return the index of an operand; a variable is cast to the dtype it computes in."""
        if isinstance(x, Variable) and x.dtype != spec.dtype:
            value = SymbolicTensor(spec)
            value.origin = x
            return self._cast(value, module)
        return self.place(x, module)

    def _viewed(self, name: str, inputs: list[int]) -> int | None:
        """Return the index of the value that an operation's result is a view of; None if it owns its memory."""
        if not inputs:
            return None
        if name in VIEWS or (name in RESHAPES and inputs[0] not in self.scattered):
            return inputs[0]
        return None


def operation_name(op: Op) -> str:
    """Return an operation's name: its class, or the function that a generic class applies, as in ``Add``."""
    function = getattr(op, "function", None)
    return "".join(map(str.capitalize, function.split("_"))) if isinstance(function, str) else type(op).__name__


def arguments_of(op: Op, node: Node) -> Mapping[str, object]:
    """Return an operation's arguments by name: its fields, and its operands that are not tensors."""
    found = {name: getattr(op, name) for name in field_names(type(op))}
    if len([spec for spec in node.specs if isinstance(spec, Spec)]) < len(node.specs):
        given = zip(operand_names(type(op), len(node.specs)), node.specs, strict=True)
        found |= {name: x for name, x in given if not isinstance(x, Spec) and x is not None}
    return found


@cache
def field_names(cls: type[Op]) -> tuple[str, ...]:
    """Return the names of an operation's fields."""
    return tuple(each.name for each in fields(cls) if each.type != "str" or each.name != "function")  # type: ignore[arg-type]  # each op is a dataclass


@cache
def operand_names(cls: type[Op], count: int) -> tuple[str, ...]:
    """Return the names of an operation's operands: the parameters of its ``spec``; those after a ``*`` are numbered."""
    parameters = list(inspect.signature(cls.spec).parameters.values())[1:]
    names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "inputs")
    return tuple([*names, *(f"{rest}_{i}" for i in range(count))][:count])
