"""Which nodes of an ONNX graph compute as in training: a graph keeps the mode in which it was exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from layercli.formats.onnx import bodies_of, constant_of, stored_in
from layercli.inspect.onnx.module_scopes import UNKNOWN_CLASS, place_of

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

MOST = 3
"""How many modules a note names."""


def training_notes(graph: GraphProto) -> list[str]:
    """Return the note on nodes that compute as in training: their results are random, or depend on the whole batch."""
    found = list(dict.fromkeys(called(node) for node in training_nodes(graph, {})))
    if not found:
        return []
    rest = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return [f"exported in training mode, not after model.eval(): {', '.join([*found[:MOST], *rest])}"]


def training_nodes(graph: GraphProto, above: dict[str, object]) -> Iterator[NodeProto]:
    """Yield the nodes of a graph and of its subgraphs that compute as in training; ``above`` are constants outside it."""
    held = {**above, **{x.name: x for x in graph.initializer}}
    for node in graph.node:
        if (constant := constant_of(node)) is not None:
            held[node.output[0]] = constant
        if node.op_type == "Dropout":
            given = [value_of(held.get(name)) for name in node.input[1:3]]
            if len(given) == 2 and given[0] != 0 and given[1]:  # with a rate of 0 it drops none
                yield node
        elif node.op_type == "BatchNormalization":
            if any(a.name == "training_mode" and a.i for a in node.attribute):
                yield node
        elif node.attribute:
            for _, body in bodies_of(node):
                yield from training_nodes(body, held)


def value_of(x: object) -> float | None:
    """Return the only value of a stored tensor, or None."""
    import numpy as np

    dtype = {1: "f4", 9: "?", 10: "f2", 11: "f8"}.get(getattr(x, "data_type", 0))
    if dtype is None:
        return None
    values = stored_in(x, np.dtype(dtype))
    return float(values[0]) if values.size == 1 else None


def called(node: NodeProto) -> str:
    """Return the path and the class of the module that a node was recorded in, or the node's name and operator."""
    scopes = place_of(node).scopes
    path, cls = scopes[-1] if scopes else (node.name, node.op_type)
    return f"{path} ({node.op_type if cls == UNKNOWN_CLASS else cls})" if path else node.op_type
