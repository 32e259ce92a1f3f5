"""The summary of a layer: one row per layer inside it, with shapes, parameters and cost, from one symbolic call."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any

from layercli.core import dims, tree
from layercli.core.dims import Size
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.core.types import TensorTree
from layercli.core.variable import Variable
from layercli.inspect.layer_call import described, ends, input_names
from layercli.inspect.layer_tree import LayerTree
from layercli.inspect.summary import Row, Summary, Totals, as_shape


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
        counted = layers.counts[id(layer)]
        row.counted = None if counted == row.parameters else counted
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
    return tree.map_structure(lambda x: as_shape(x.spec.shape) if isinstance(x, SymbolicTensor) else None, values)
