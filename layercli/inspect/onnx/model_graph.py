"""Build the ModelGraph of an ONNX graph: its nodes in the exporter's scopes, with inputs, outputs and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.dims import UNKNOWN
from layercli.core.spec import Spec
from layercli.inspect.model_graph import ROOT, ModelGraph, ModelGraphBuilder, ModuleCall, OperationCall, ValueKind
from layercli.inspect.onnx.graph import OpenedGraph, Seen, parameters_of
from layercli.inspect.onnx.inference import settings_of
from layercli.inspect.onnx.module_scopes import shared_by_all, within
from layercli.inspect.onnx.shapes import Shapes
from layercli.inspect.onnx.training_mode import training_notes

if TYPE_CHECKING:
    from onnx import NodeProto


def onnx_graph(opened: OpenedGraph, inputs: dict[str, Spec], path: str) -> ModelGraph:
    """Return the ModelGraph of an opened graph for inputs of those Specs."""
    nodes, known = opened.seen(inputs)
    return _OnnxDescriber(opened, nodes, known, path).graph(inputs)


class _OnnxDescriber:
    """Converts the nodes of an ONNX graph into a ModelGraph."""

    def __init__(self, opened: OpenedGraph, nodes: list[Seen], known: Shapes, path: str) -> None:
        self.opened, self.nodes, self.known = opened, nodes, known
        root = next((node.place.root for node in nodes if not node.hidden and node.place.root), None)
        self.builder = ModelGraphBuilder(path, root, path)
        self.places: dict[str, int] = {}
        self.parameters: dict[str, int] = {}

    def graph(self, inputs: dict[str, Spec]) -> ModelGraph:
        """Return the ModelGraph."""
        given = {name: self._add(name, spec, ValueKind.INPUT, path=name) for name, spec in inputs.items()}
        self._add_parameters()
        self._add_modules()
        for seen, node in zip(self.nodes, self.opened.graph.node, strict=True):
            self._add_node(seen, node)
        self._add_module_calls()
        self.builder.notes += training_notes(self.opened.graph)
        return self.builder.graph(given, {x.name: self._place(x.name) for x in self.opened.graph.output})

    def _add(self, name: str, spec: Spec, kind: ValueKind, **more: Any) -> int:
        self.places[name] = self.builder.add_value(spec, kind, **more)
        return self.places[name]

    def _spec(self, name: str) -> Spec:
        from layercli.inspect.onnx.summary import dtype_of

        shape = self.known.of(name)
        if shape is None:
            self.builder.notes.append(f"the rank of {name} is not known")
        return Spec((UNKNOWN,) if shape is None else tuple(shape), dtype_of(self.known.code(name)))

    def _add_parameters(self) -> None:
        for each in parameters_of(self.nodes):
            kind = ValueKind.PARAMETER if each.trainable else ValueKind.BUFFER
            spec = Spec(tuple(each.shape), self._dtype(each.name))
            more = {"path": each.name, "trainable": each.trainable, "stored_bytes": each.bytes}
            self.parameters[each.name] = self._add(each.name, spec, kind, **more)

    def _dtype(self, name: str) -> str:
        from layercli.inspect.onnx.summary import dtype_of

        return dtype_of(self.known.code(name))

    def _add_modules(self) -> None:
        """Add the scopes, each with the parameters first used by nodes directly in it."""
        self.scopes: list[str] = []
        outer = shared_by_all(node.place for node in self.nodes if not node.hidden)
        held: dict[str, dict[str, int]] = {ROOT: {}}
        classes: dict[str, str | None] = {ROOT: self.builder.class_name}
        for node in self.nodes:
            scopes = within(node.place, outer).scopes
            for path, cls in scopes:
                classes.setdefault(path, cls)
            path = scopes[-1][0] if scopes else ROOT
            self.scopes.append(path)
            own = held.setdefault(path, {})
            for each in node.parameters:
                leaf = each.name.rpartition(".")[2].rpartition("/")[2]
                own[leaf if leaf not in own else each.name] = self.parameters[each.name]
        for path, class_name in classes.items():
            self.builder.add_module(path, class_name, variables=held.get(path, {}))

    def _place(self, name: str) -> int:
        """Return the index of a tensor; a tensor that no node produced is a constant."""
        known = self.places.get(name)
        return self._add(name, self._spec(name), ValueKind.CONSTANT) if known is None else known

    def _add_node(self, seen: Seen, node: NodeProto) -> None:
        taken = tuple(self._place(name) for name in node.input if name)
        same = taken[0] if seen.op == "Identity" and taken else None
        gave = tuple(self._add(x, self._spec(x), ValueKind.ACTIVATION, view_of=same) for x in node.output if x)
        unknown = "" if seen.macs != UNKNOWN else f"the cost of {seen.op} is not known"
        scope = self.scopes[len(self.builder.calls)]
        settings = {name: x for name, x in settings_of(node, self.opened.file).items() if not hasattr(x, "ListFields")}
        self.builder.calls.append(
            OperationCall(seen.op, scope, taken, gave, None if unknown else seen.macs, unknown, settings)
        )

    def _add_module_calls(self) -> None:
        """Add a module call for each run of consecutive nodes in a scope; a scope entered again was called again."""
        runs: dict[str, list[list[int]]] = {}
        for i, scope in enumerate(self.scopes):
            for path in self._around(scope):
                found = runs.setdefault(path, [])
                if found and found[-1][1] == i:
                    found[-1][1] = i + 1
                else:
                    found.append([i, i + 1])
        last_use = {place: i for i, call in enumerate(self.builder.calls) for place in call.inputs}
        last_use |= {self._place(x.name): len(self.scopes) for x in self.opened.graph.output}
        for path in self.builder.modules:
            for start, stop in runs.get(path, []):
                self.builder.module_calls.append(self._call_of(path, start, stop, last_use))

    def _around(self, scope: str) -> list[str]:
        """Return the paths of the enclosing modules of a scope, and its own."""
        found = [scope]
        while (parent := self.builder.modules[found[-1]].parent) is not None:
            found.append(parent)
        return found

    def _call_of(self, path: str, start: int, stop: int, last_use: dict[int, int]) -> ModuleCall:
        """Return a call of a module: what its operations take from outside, and what is taken of theirs later."""
        inside = self.builder.calls[start:stop]
        made = {place for call in inside for place in call.outputs}
        activations = (ValueKind.INPUT, ValueKind.ACTIVATION)
        taken = dict.fromkeys(
            x for call in inside for x in call.inputs if x not in made and self.builder.values[x].kind in activations
        )
        gave = [x for call in inside for x in call.outputs if last_use.get(x, -1) >= stop]
        return ModuleCall(path, tuple(taken), gave[0] if len(gave) == 1 else gave, start, stop)
