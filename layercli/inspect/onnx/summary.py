"""Summarize an ``.onnx`` file with the onnx package alone, without torch or onnxruntime.

A row is a node, or a module with nodes inside, as the exporter recorded it. Nodes whose results depend on constants and shapes
only, and Identity, have no row: they compute nothing. A module with a single node shares that node's row; a module without a
recorded class is named after its only operator that multiplies or has parameters, if there is exactly one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Any

from layercli.core import dims
from layercli.core.spec import Shape, Spec
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats.onnx import DTYPES, TEXT
from layercli.inspect.graph_signature import graph_inputs
from layercli.inspect.onnx.graph import OpenedGraph, Seen, parameters_of
from layercli.inspect.onnx.module_scopes import UNKNOWN_CLASS, ModuleScope, shared_by_all, within
from layercli.inspect.onnx.shapes import Shapes
from layercli.inspect.onnx.symbolic_dims import sizes_in
from layercli.inspect.onnx.training_mode import training_notes
from layercli.inspect.summary import Row, Summary, Totals, as_shape

WITHOUT_CLASS = "ONNX"
"""The class name of a model whose exporter recorded none."""


def summarize_onnx(path: str, shapes: list[str], sizes: list[str]) -> Summary:
    """Return the summary of the graph in a file, with the given input shapes and named sizes applied."""
    opened = OpenedGraph(path)
    return summarize_opened(opened, inputs_of(opened, path, shapes, sizes), path)


def summarize_opened(opened: OpenedGraph, inputs: dict[str, Spec], path: str) -> Summary:
    """Return the summary of an opened graph for inputs of those Specs."""
    nodes, known = opened.seen(inputs)
    shown = [node for node in nodes if not node.hidden]
    return Summary(
        name=path,
        cls=next((node.place.root for node in shown if node.place.root), WITHOUT_CLASS),
        source=path,
        inputs=list(inputs.items()),
        outputs=outputs_of(opened, known),
        other_inputs=[(x.name, type_text(x.type)) for x in opened.ends if not is_tensor(x)],
        other_outputs=[(x.name, type_text(x.type)) for x in opened.graph.output if not is_tensor(x)],
        rows=list(ModuleTable(nodes, known, {x.name for x in opened.graph.output}).rows()),
        totals=totals_of(nodes),
        footnotes=training_notes(opened.graph),
    )


def inputs_of(opened: OpenedGraph, path: str, shapes: Sequence[str], sizes: Sequence[str]) -> dict[str, Spec]:
    """Return the Specs of the inputs that are tensors: the file's, with the given shapes applied; ShapeError on conflict."""
    ends = [x for x in opened.ends if is_tensor(x)]
    offered = {x.name: spec for x in ends if (spec := spec_of(opened, x)) is not None}
    return graph_inputs(path, offered, [x.name for x in ends], shapes, sizes, opened.names.batch)


def is_tensor(x: Any) -> bool:
    """Whether an input or output is a tensor, or declares no type; others are sequences, optional values and maps."""
    return x.type.WhichOneof("value") in ("tensor_type", None)


def type_text(kind: Any) -> str:
    """Return a TypeProto in words: ``optional sequence of float32``."""
    match kind.WhichOneof("value"):
        case "sequence_type":
            return f"sequence of {type_text(kind.sequence_type.elem_type)}"
        case "optional_type":
            return f"optional {type_text(kind.optional_type.elem_type)}"
        case "tensor_type":
            return dtype_of(kind.tensor_type.elem_type)
    return str(kind.WhichOneof("value") or "?").removesuffix("_type").replace("_", " ")


def spec_of(opened: OpenedGraph, x: Any) -> Spec | None:
    """Return the Spec of an input or output of the graph, or None if its rank is unknown."""
    tensor = x.type.tensor_type
    if not x.type.HasField("tensor_type") or (tensor.elem_type not in DTYPES and tensor.elem_type != TEXT):
        raise FormatError(f"{opened.file} takes {x.name} as what is not an array of numbers")
    if not tensor.HasField("shape"):
        return None
    return Spec(opened.names.shape(sizes_in(tensor.shape), end=True), dtype_of(tensor.elem_type))


def dtype_of(code: int) -> str:
    """Return the name of a dtype."""
    return DTYPES.get(code, "string" if code == TEXT else "?")


def outputs_of(opened: OpenedGraph, known: Shapes) -> list[tuple[str, Spec]]:
    """Return the Specs of the graph's outputs with known rank."""
    found = ((x.name, known.of(x.name)) for x in opened.graph.output if is_tensor(x))
    return [(name, Spec(shape, dtype_of(known.code(name)))) for name, shape in found if shape is not None]


def totals_of(nodes: list[Seen]) -> Totals:
    """Return the sums over all nodes, including those without a row."""
    held = parameters_of(nodes)
    trainable = sum(p.size for p in held if p.trainable)
    every = sum(p.size for p in held)
    return Totals(every, trainable, every - trainable, sum(p.bytes for p in held), dims.total(n.macs for n in nodes))


@dataclass
class OnnxModule:
    """A module: its path, class, depth, and its children and nodes in order."""

    path: str
    cls: str
    depth: int
    inside: list[OnnxModule | Seen] = field(default_factory=list)

    def nodes(self) -> Iterator[Seen]:
        """Yield all nodes in it, at any depth."""
        for each in self.inside:
            if isinstance(each, Seen):
                yield each
            else:
                yield from each.nodes()


def main_operator(part: OnnxModule) -> str:
    """Return the class name for a module without one: its only operator that multiplies or has parameters."""
    nodes = [x for x in part.inside if isinstance(x, Seen)]
    if len(nodes) < len(part.inside):
        return UNKNOWN_CLASS
    main = [x for x in nodes if x.macs != 0] or [x for x in nodes if x.parameters] or nodes
    return main[0].op if len(main) == 1 else UNKNOWN_CLASS


class ModuleTable:
    """The rows of the nodes that are shown."""

    def __init__(self, nodes: list[Seen], shapes: Shapes, outputs: set[str]) -> None:
        self._shapes = shapes
        self._aliases = {node.gives[0]: node.takes[0] for node in nodes if node.op == "Identity" and node.takes}
        self._shown = [node for node in nodes if not node.hidden]
        self._order = {id(node): i for i, node in enumerate(self._shown)}
        self._users: dict[str, list[int]] = {}
        for i, node in enumerate(self._shown):
            for name in node.takes:
                self._users.setdefault(self._real(name), []).append(i)
        self._outputs = {self._real(name) for name in outputs}
        self._names: Counter[str] = Counter()

    def rows(self) -> Iterator[Row]:
        """Yield the rows, parents first."""
        outer = shared_by_all(node.place for node in self._shown)
        root, parts = OnnxModule("", "", 0), dict[str, OnnxModule]()
        for node in self._shown:
            node.place, holder = within(node.place, outer), root
            for path, cls in node.place.scopes:
                if path not in parts:
                    parts[path] = OnnxModule(path, cls, holder.depth + 1)
                    holder.inside.append(parts[path])
                holder = parts[path]
            holder.inside.append(node)
        yield from self._inside(root)

    def _inside(self, part: OnnxModule) -> Iterator[Row]:
        for each in part.inside:
            if isinstance(each, Seen):
                yield self._row(self._named(part, each.place), each.op, part.depth + 1, [each])
                continue
            nodes, [first, *others] = list(each.nodes()), each.inside
            alone = isinstance(first, Seen) and not others
            cls = main_operator(each) if each.cls == UNKNOWN_CLASS else each.cls
            yield self._row(each.path, cls, each.depth, nodes, direct=[x for x in each.inside if isinstance(x, Seen)])
            if not alone:
                yield from self._inside(each)

    def _named(self, part: OnnxModule, place: ModuleScope) -> str:
        """Return a unique path for a node."""
        path = f"{part.path}/{place.name}" if part.path else place.name
        self._names[path] += 1
        return path if self._names[path] == 1 else f"{path}_{self._names[path] - 1}"

    def _row(self, path: str, cls: str, depth: int, nodes: list[Seen], direct: list[Seen] | None = None) -> Row:
        held = parameters_of(nodes)
        trainable, every = sum(p.size for p in held if p.trainable), sum(p.size for p in held)
        places = {self._order[id(node)] for node in nodes}
        own = nodes if direct is None else direct
        return Row(
            path=path,
            name=path.rpartition("/")[2],
            cls=cls,
            depth=depth,
            input_shape=self._shown_shapes(self._taken(nodes, places)),
            output_shape=self._shown_shapes(self._named_outputs(nodes, places)),
            parameters=every,
            trainable=trainable,
            non_trainable=every - trainable,
            macs=dims.total(node.macs for node in nodes),
            shared=any(node.shared for node in own),
            variables={p.name.rpartition(".")[2].rpartition("/")[2]: p.shape for p in parameters_of(own)},
        )

    def _taken(self, nodes: list[Seen], places: set[int]) -> list[str]:
        """Return the inputs of nodes that come from other nodes, each once."""
        made = {name for node in nodes for name in node.gives}
        return list(dict.fromkeys(x for node in nodes for name in node.takes if (x := self._real(name)) not in made))

    def _named_outputs(self, nodes: list[Seen], places: set[int]) -> list[str]:
        """Return the outputs of nodes that other nodes use; of a repeated module those of its first call."""
        found = [x for node in nodes for x in node.gives if x and self._leaves(x, places)]
        found = found or [x for node in nodes[-1:] for x in node.gives[:1]]
        again = max(places) - min(places) >= len(places)
        return first_of_each(found, self._shapes) if again else found

    def _leaves(self, name: str, places: set[int]) -> bool:
        return name in self._outputs or any(user not in places for user in self._users.get(name, ()))

    def _real(self, name: str) -> str:
        """Return the tensor behind a name, looking through Identity nodes."""
        while name in self._aliases:
            name = self._aliases[name]
        return name

    def _shown_shapes(self, names: list[str]) -> object:
        """Return the shape of one output, or the shapes of several; tensors of sizes are omitted."""
        real = [name for name in names if "int" not in dtype_of(self._shapes.code(name))] or names
        found = [None if (shape := self._shapes.of(name)) is None else as_shape(shape) for name in real]
        if not found or any(shape is None for shape in found):
            return None
        return found[0] if len(found) == 1 else found


def first_of_each(names: Iterable[str], shapes: Shapes) -> list[str]:
    """Return the first tensor of each shape."""
    found: dict[Shape | None, str] = {}
    for name in names:
        found.setdefault(shapes.of(name), name)
    return list(found.values())
