"""An ONNX graph: its nodes in order, each with inputs, outputs, parameters and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.dims import Size
from layercli.core.limits import NODES, shown
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats.onnx import OnnxFile, bodies_of, constant_of, load
from layercli.inspect.onnx.cost import cost_of
from layercli.inspect.onnx.inference import settings_of
from layercli.inspect.onnx.module_scopes import ModuleScope, place_of
from layercli.inspect.onnx.parameters import OnnxParameter, Parameters
from layercli.inspect.onnx.shapes import Shapes
from layercli.inspect.onnx.symbolic_dims import Names, sizes_in

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


RECURSIVE = -1
"""The number of nodes of a function that is being counted."""
WITHOUT_INPUTS = {"Constant", "ConstantOfShape", "Shape", "Size"}
"""Operators whose results depend on shapes and constants only."""


@dataclass
class Seen:
    """A node: its scope, its inputs and outputs, its own parameters and its cost."""

    place: ModuleScope
    op: str
    takes: list[str]
    gives: list[str]
    macs: Size
    parameters: list[OnnxParameter] = field(default_factory=list)
    shared: bool = False
    hidden: bool = False


class OpenedGraph:
    """The graph in an ``.onnx`` file with its functions inlined."""

    def __init__(self, path: str) -> None:
        self.file = Path(path)
        model = load(self.file)
        self.weights = OnnxFile(self.file, model)  # raises an error for impossible values
        if model.functions:
            model = inlined(self.file, model)
            OnnxFile(self.file, model)  # the same for the constants of the functions
        self.graph: GraphProto = model.graph
        self.versions = {"" if x.domain == "ai.onnx" else x.domain: x.version for x in model.opset_import}
        self._held = {x.name: x for x in self.graph.initializer}
        self.ends = [x for x in self.graph.input if x.name not in self._held]
        check_order(self.file, self.graph, {*self._held, *(x.name for x in self.ends)})
        self.names = Names(sizes_in(x.type.tensor_type.shape) for x in self.ends)

    def seen(self, inputs: dict[str, Spec]) -> tuple[list[Seen], Shapes]:
        """Return the nodes for inputs of those Specs, and the shapes of all tensors."""
        shapes = Shapes(self.file, self.graph, self.versions, inputs, self.names)
        for name, x in self._held.items():
            shapes.keep(name, x)
        ownership = Ownership(self._held, Parameters.of(self.graph))
        found = []
        for node in self.graph.node:
            settings = settings_of(node, self.file)
            shapes.infer(node, settings)
            macs = cost_of(node, shapes.of, settings)
            found.append(ownership.seen(node, macs))
        return found, shapes


def inlined(file: Path, model: Any) -> object:
    """Return a model with all calls of its local functions inlined."""
    import onnx.inliner

    try:
        check_growth(file, model)
        return onnx.inliner.inline_local_functions(model)
    except FormatError:
        raise
    except Exception as error:  # C++ raises it for any error in the functions
        raise FormatError(f"{file} is damaged: its functions cannot be inlined") from error


def check_growth(file: Path, model: Any) -> None:
    """Raise ValueError if functions are recursive, FormatError if they expand to too many nodes."""
    functions = {(f.domain, f.name): f.node for f in model.functions}
    counts: dict[tuple[str, str], int] = {}

    def count(nodes: Any) -> int:
        return sum(
            1 + called((node.domain, node.op_type)) + sum(count(body.node) for _, body in bodies_of(node))
            for node in nodes
        )

    def called(key: tuple[str, str]) -> int:
        if key in functions and key not in counts:
            counts[key] = RECURSIVE
            counts[key] = count(functions[key])
        elif counts.get(key) == RECURSIVE:
            raise ValueError
        return counts.get(key, 0)

    if (nodes := count(model.graph.node)) > NODES.value:
        raise NODES.exceeded(f"{file} has {shown(nodes)} nodes with its functions inlined")


def check_order(file: Path, graph: GraphProto, known: set[str]) -> None:
    """Raise FormatError if a node takes a tensor that no earlier node produces: one is missing, or there is a cycle."""
    known = {*known, ""}  # "" stands for an argument left out
    for node in graph.node:
        if not known.issuperset(node.input):
            name = next(name for name in node.input if name not in known)
            called = node.name or f"of {node.op_type}"
            raise FormatError(f"{file} is damaged: the node {called} takes {name!r}, which no node before it produces")
        for name in node.output:
            if name in known and name:
                raise FormatError(f"{file} is damaged: {name!r} is given twice")
            known.add(name)


class Ownership:
    """The node that owns each parameter: the first that computes with it, looking through nodes that only reshape it."""

    def __init__(self, held: Mapping[str, object], parameters: Parameters) -> None:
        self._held, self._constants = dict(held), set[str]()
        self._parameters = parameters
        self._fixed: dict[str, list[OnnxParameter]] = {name: [] for name in held}
        self._owned: set[str] = set()

    def seen(self, node: NodeProto, macs: Size) -> Seen:
        """Return the description of a node; nodes must be visited in order."""
        taken = {p.name: p for p in self._taken(node, self._held)}
        for i, name in enumerate(node.input):
            taken |= {p.name: p for p in self._parameters.carried(node, i, self._fixed.get(name, []))}
        found = Seen(
            place_of(node), node.op_type, [x for x in node.input if x and x not in self._fixed], [*node.output], macs
        )
        if self._is_fixed(node):
            self._fixed |= {name: list(taken.values()) for name in node.output if name}
            if (constant := constant_of(node)) is not None:
                self._held[node.output[0]] = constant
                self._constants.add(node.output[0])
            found.hidden = macs == 0
            if found.hidden:
                return found
        found.hidden = node.op_type == "Identity"
        found.parameters = [p for p in taken.values() if p.name not in self._owned]
        found.shared = len(found.parameters) < len(taken)
        self._owned |= set(taken)
        return found

    def _is_fixed(self, node: NodeProto) -> bool:
        """Whether a node's result does not depend on the values of the graph's inputs."""
        if node.op_type in WITHOUT_INPUTS and node.domain == "":
            return True
        inputs = [name for name in node.input if name]
        return bool(inputs) and all(name in self._fixed for name in inputs) and not any(bodies_of(node))

    def _taken(self, node: NodeProto, held: Mapping[str, object]) -> Iterator[OnnxParameter]:
        """Yield the parameters that a node, or a node in its subgraphs, takes."""
        for i, name in enumerate(node.input):
            if (x := held.get(name)) is not None:
                parameter = self._parameters.taken(node, i, name, x, constant=name in self._constants)
                if parameter is not None:
                    yield parameter
        for _, body in bodies_of(node):
            inner = {**held, **{x.name: x for x in body.initializer}}
            inner |= {n.output[0]: x for n in body.node if (x := constant_of(n)) is not None}
            for each in body.node:
                yield from self._taken(each, inner)


def parameters_of(nodes: list[Seen]) -> list[OnnxParameter]:
    """Return the parameters of nodes, each once."""
    return list({p.name: p for node in nodes for p in node.parameters}.values())
