"""The summary of a model: one row per layer, with shapes, parameters and cost, from one symbolic call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from layercli.core import dims, graph, tree
from layercli.core.backend import get_backend
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.spec import Shape, Spec, show_shape, with_batch_dim
from layercli.core.text import spec_dtype
from layercli.core.types import JSONObject, TensorTree, Tree
from layercli.core.variable import Variable
from layercli.errors import ShapeError, UsageError
from layercli.inspect.layer_tree import LayerTree
from layercli.inspect.output_names import distinct, keys_of, numbered

if TYPE_CHECKING:
    from layercli.inspect.adapter import Adapter
    from layercli.inspect.decoding import DecodingStep
    from layercli.inspect.dtype_totals import DtypeTotal


@dataclass
class Row:
    """One layer. Counts include its sublayers; ``shared``: it is called more than once.

    A layer that was never called has no shapes; if it is not built, its parameter count is None. A weight file does not record
    the classes of its modules. ``shared_with`` are the other paths of its own parameters; ``counted`` is the number of its
    parameters that no earlier row holds, if that is not all.
    """

    path: str
    name: str
    cls: str | None
    depth: int
    input_shape: Any
    output_shape: Any
    parameters: int | None
    trainable: int | None
    non_trainable: int | None
    macs: Size
    shared: bool
    variables: dict[str, Shape] = field(default_factory=dict)
    shared_with: list[str] = field(default_factory=list)
    counted: int | None = None
    repeats: int = 1
    """How many equal layers it stands for, where they are folded."""

    def to_json(self, parameters: int = 0) -> JSONObject:
        """Return the row as JSON data."""
        document = vars(self).copy()  # asdict would copy every shape and size
        for name in ("variables", "counted", "repeats", *([] if self.shared_with else ["shared_with"])):
            del document[name]
        sizes = {"input_shape": json_shapes(self.input_shape), "output_shape": json_shapes(self.output_shape)}
        return {
            "class" if key == "cls" else key: value
            for key, value in {**document, **sizes, **json_cost(self.macs), "share": self.share(parameters)}.items()
        }

    def share(self, parameters: int) -> float:
        """Return which share it has of so many ``parameters``: of what no row before it has."""
        held = (self.parameters or 0) if self.counted is None else self.counted
        return held / parameters if parameters else 0.0


@dataclass
class Totals:
    """Sums over the whole model, with shared parameters counted once; ``bytes`` is the size of the variables.

    The trainable count is None if a file does not record it.
    """

    parameters: int
    trainable: int | None
    non_trainable: int | None
    bytes: int
    macs: Size


@dataclass
class Summary:
    """A model, its inputs and outputs, its layers in definition order, and the totals."""

    name: str
    cls: str | None
    source: str
    inputs: list[tuple[str, Spec]]
    outputs: list[tuple[str, Spec]]
    rows: list[Row]
    totals: Totals
    footnotes: list[str] = field(default_factory=list)
    failure: str | None = None
    """Why the forward pass failed; the rows are known up to that call."""
    other_outputs: list[tuple[str, str]] = field(default_factory=list)
    """The outputs that are not tensors, such as a cache, with their classes."""
    other_inputs: list[tuple[str, str]] = field(default_factory=list)
    """The inputs of a graph that are not tensors, with their types: ``sequence of float32``."""
    adapter: Adapter | None = None
    """What the weights of an adapter change."""
    active: int | None = None
    """How many parameters each token uses, of a model with experts."""
    decoding: DecodingStep | None = None
    """What the next token costs, of a decoder."""
    dtypes: list[DtypeTotal] = field(default_factory=list)
    """The totals by dtype of a weight file."""
    kind: str = ""
    """What a weight file is, in words, and ``metadata`` what its writer noted."""
    metadata: str = ""

    def __str__(self) -> str:
        return get_backend().text(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return get_backend().html(self)

    def to_json(self, depth: int | None = None) -> JSONObject:
        """Return the document ``layercli summary --format json`` prints, with the rows down to ``depth``."""
        shown = [row for row in self.rows if depth is None or row.depth <= depth]
        return {
            "schema": "layercli.summary/1",
            "model": {
                "name": self.name,
                "class": self.cls,
                "source": self.source,
                **({"kind": self.kind} if self.kind else {}),
            },
            "inputs": [json_end(name, spec) for name, spec in self.inputs],
            "outputs": [json_end(name, spec) for name, spec in self.outputs],
            "rows": [row.to_json(self.totals.parameters) for row in shown],
            "totals": {
                **asdict(self.totals),
                **json_cost(self.totals.macs),
                **({"active_parameters": self.active} if self.active is not None else {}),
            },
            **({"adapter": self.adapter.to_json()} if self.adapter is not None else {}),
            **({"decoding": self.decoding.to_json()} if self.decoding is not None else {}),
            **({"dtypes": [total.to_json() for total in self.dtypes]} if self.dtypes else {}),
            **({"notes": self.footnotes} if self.footnotes else {}),
            **({"failure": self.failure} if self.failure else {}),
        }


def summarize(model: Layer, inputs: TensorTree = None, *, name: str = "", source: str = "") -> Summary:
    """Return the summary of ``model`` called on ``inputs``: a Spec or a tree of them; default: those it was built for."""
    return summary_of(model, *described(model, inputs), name=name, source=source)


def summary_of(
    model: Layer, node: Node, given: object, *, name: str = "", source: str = "", layers: LayerTree | None = None
) -> Summary:
    """Return the summary of ``model`` from the node of a symbolic call on ``given``."""
    layers = layers or LayerTree(model)
    rows = rows_of(layers, calls_by_layer(node))
    return Summary(
        name=name or model.name,
        cls=type(model).__name__,
        source=source or type(model).__module__,
        inputs=ends(given, input_names(model, given)),
        outputs=[(name, spec) for name, spec in ends(node.outputs, None) if isinstance(spec, Spec)],
        rows=[*own_row(model, node, layers, alone=not rows), *rows],
        totals=totals_of(layers.variables(model), node.macs),
    )


def uncalled(model: Layer) -> Summary:
    """Return the summary of a model that was never called: its layers without shapes, and the variables that there are."""
    layers = LayerTree(model)
    rows = rows_of(layers, {})
    totals = totals_of(layers.variables(model), 0)
    return Summary(model.name, type(model).__name__, type(model).__module__, [], [], rows, totals)


def described(model: Layer, inputs: Any = None, **arguments: Any) -> tuple[Node, Any]:
    """Return the node of one symbolic call of ``model`` with all nested calls, and the specs it was called on."""
    given = inputs if inputs is not None else default_inputs(model)
    with graph.fresh_trace():
        outputs = model(*graph.placeholders(given_to(model, given)), **arguments)
    found = [x.node for x in tree.flatten(outputs) if isinstance(x, SymbolicTensor)]
    if not found or found[0] is None:
        raise no_tensor_output_error(model.name, outputs)
    return found[0], given


def given_to(model: Layer, inputs: Tree) -> tuple[Any, ...]:
    """Return the arguments for a call of ``model`` on one tree of inputs; ShapeError with its name if they do not fit."""
    try:
        return model.unpack_inputs(inputs)
    except ShapeError as error:
        error.trail.append(model)
        raise


def no_tensor_output_error(name: str, returned: object) -> UsageError:
    """Return the error for a model whose call returns nothing that can be shown."""
    return UsageError(f"{name} returns {returned!r}, not a tensor", hint="its call, or forward, ends with a return")


def offered_inputs(model: Layer) -> Any:
    """Return the specs a model was called on, or its example inputs, or None."""
    if model._call_specs:
        taken = model._call_specs[: max(1, len(model.required_inputs()))]
        return taken[0] if len(taken) == 1 else list(taken)
    example = getattr(model, "example_input", None)
    return None if example is None else tree.map_structure(as_written, example())


def as_written(spec: Spec) -> Spec:
    """Return a spec from user code with sizes and dtype normalized."""
    return Spec(with_batch_dim(spec.shape), spec_dtype(spec.dtype))


def default_inputs(model: Layer) -> Any:
    """Return the specs a model was called on, or its example inputs; UsageError if there are none."""
    offered = offered_inputs(model)
    if offered is None:
        raise UsageError(
            f"{model.name} ({type(model).__name__}) was never called, so the shape of its input is not known",
            hint="give it one: --input-shape 32,100 on the command line, or call it first",
        )
    return offered


def calls_by_layer(root: Node) -> dict[int, list[Node]]:
    """Return the calls of each layer inside ``root``, by the layer's id; a call that is like another one is that one."""
    found: dict[int, list[Node]] = {}

    def collect(calls: list[Node], counterparts: Mapping[int, Layer]) -> None:
        for node in calls:
            if isinstance(node.target, Layer):
                layer, described = counterparts.get(id(node.target), node.target), node.like or node
                found.setdefault(id(layer), []).append(described)
                collect(described.calls, node.counterparts(counterparts))

    collect(root.calls, {})
    return found


def rows_of(layers: LayerTree, calls: Mapping[int, list[Node]]) -> list[Row]:
    """Return the row of every layer below the model; layers with the same calls differ in their paths and names alone."""
    rows: list[Row] = []
    known: dict[tuple[int, ...], Row] = {}
    for path, depth, layer in layers.below():
        made = calls.get(id(layer), [])
        key = tuple(map(id, made))
        if key in known:
            row = copy(known[key])
            row.path, row.name, row.depth = path, layer.name, depth
        else:
            row = row_of(path, depth, layer, made, layers.variables(layer), layers.lacks_variables(layer))
        if made:
            known[key] = row
        rows.append(row)
    return rows


def own_row(model: Layer, node: Node, layers: LayerTree, *, alone: bool) -> list[Row]:
    """Return the row of the model's own variables and operations, if it has variables or no layers."""
    if not model.own_variables and not alone:
        return []
    own = Node(
        model,
        node.args,
        node.kwargs,
        node.outputs,
        calls=[call for call in node.calls if not isinstance(call.target, Layer)],
    )
    row = row_of(model.name, 1, model, [own], [], layers.lacks_variables(model))
    totals = totals_of(model.own_variables, row.macs)
    return [replace(row, parameters=totals.parameters, trainable=totals.trainable, non_trainable=totals.non_trainable)]


def row_of(path: str, depth: int, layer: Layer, calls: list[Node], held: list[Variable], lacking: bool) -> Row:
    """Return the row of ``layer``, called in ``calls``; it and those inside it hold ``held``, or are ``lacking`` variables."""
    totals = totals_of(held, dims.total(call.macs for call in calls))
    counts = [None] * 3 if lacking else [totals.parameters, totals.trainable, totals.non_trainable]
    first = calls[0] if calls else None
    return Row(
        path=path,
        name=layer.name,
        cls=type(layer).__name__,
        depth=depth,
        input_shape=None if first is None else shapes_of(first.inputs[0] if len(first.inputs) == 1 else first.inputs),
        output_shape=None if first is None else shapes_of(first.outputs),
        parameters=counts[0],
        trainable=counts[1],
        non_trainable=counts[2],
        macs=totals.macs,
        shared=len(calls) > 1,
        variables={v.key: v.shape for v in layer.own_variables},
    )


def totals_of(variables: list[Variable], macs: Size) -> Totals:
    """Return the sums over ``variables``."""
    sizes = [(v.parameters, v.trainable, int(v.spec.bytes)) for v in variables]
    trainable = sum(size for size, is_trainable, _ in sizes if is_trainable)
    parameters = sum(size for size, _, _ in sizes)
    return Totals(parameters, trainable, parameters - trainable, sum(n for _, _, n in sizes), macs)


def shapes_of(values: object) -> Any:
    """Return the shape of a symbolic tensor, or a tree of shapes; parts of a tuple that hold nothing, as an unused cache,
    are left out.
    """
    if isinstance(values, tuple) and len(values) > 1:
        kept = [x for x in values if not isinstance(x, (list, tuple)) or tree.flatten(x)]
        values = kept[0] if len(kept) == 1 else values
    return tree.map_structure(lambda x: _Shape(x.shape) if isinstance(x, SymbolicTensor) else None, values)


def as_shape(sizes: Iterable[Size]) -> _Shape:
    """Return sizes as a shape that prints compactly inside a tree."""
    return _Shape(sizes)


class _Shape(tuple):  # type: ignore[type-arg]  # of sizes
    """A shape that prints compactly inside a tree of shapes."""

    def __repr__(self) -> str:
        return show_shape(tuple(self))


def ends(values: object, names: list[str] | None) -> list[tuple[str, Spec]]:
    """Return the named specs of the inputs or outputs; a dict's keys are names, otherwise ``names`` or output_0, ...

    Several values under one key are numbered: ``state_0``, ``state_1``. Names are unique.
    """
    leaves = [x.spec if isinstance(x, SymbolicTensor) else x for x in tree.flatten(values)]
    if isinstance(values, dict):
        names = distinct(keys_of(values))
    return list(zip(names or numbered("output", len(leaves)), leaves, strict=True))


def input_names(model: Layer, given: object) -> list[str]:
    """Return the names of the inputs: those of Input, or of the first argument of ``call``."""
    if drawn := getattr(model, "inputs", None):
        return [x.name for x in drawn]
    count = len(tree.flatten(given))
    names = model.required_inputs()
    if len(names) > 1 and count in (1, len(names)):  # one name, because nothing is known about them
        return names
    return numbered(next(iter(model.call_argument_names()), "inputs"), count)


def json_end(name: str, spec: Spec) -> dict[str, object]:
    """Return one input or output as JSON data."""
    return {"name": name, "shape": json_shapes(spec.shape), "dtype": spec.dtype}


def json_shapes(shape: Any) -> Any:
    """Return a shape, or a tree of shapes, as JSON data."""
    if shape is None:
        return None
    if isinstance(shape, dict):
        return {key: json_shapes(item) for key, item in shape.items()}
    if any(isinstance(item, (tuple, list, dict)) for item in shape):
        return [json_shapes(item) for item in shape]
    return [
        None if size is None or (axis == 0 and size == dims.Dim.named(dims.BATCH)) else json_size(size)
        for axis, size in enumerate(shape)
    ]


def json_cost(cost: Size) -> dict[str, int | str | None]:
    """Return a cost as JSON has it: a number or null, and beside it the formula of one that depends on named sizes."""
    known = isinstance(cost, Dim) and cost != UNKNOWN
    return {"macs": None if isinstance(cost, Dim) else cost, "macs_formula": str(cost) if known else None}


def json_size(size: Size) -> int | str | None:
    """Return a number, a formula as text, or null for an unknown size."""
    if isinstance(size, Dim):
        return None if size == UNKNOWN else str(size)
    return size
