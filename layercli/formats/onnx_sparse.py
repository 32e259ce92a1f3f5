"""Sparse initializers of an ONNX graph, listed beside the others: the shape they stand for, and the bytes that are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

SPARSE, EXTERNAL = "layercli.sparse", 1
"""The key of the ``external_data`` entry of an initializer that stands for a sparse one."""
WHAT = "a sparse tensor"


def list_sparse(
    graph: GraphProto, bodies_of: Callable[[NodeProto], Iterator[tuple[str, Any]]], bits_of: Callable[[Any], int]
) -> None:
    """Replace each sparse initializer of ``graph`` and of its subgraphs by one without values; ``bits_of`` a tensor's values."""
    for x in graph.sparse_initializer:
        stored = sum(-(-prod(each.dims) * bits_of(each) // 8) for each in (x.values, x.indices))
        kind = x.values.data_type
        listed = graph.initializer.add(name=x.values.name, data_type=kind, dims=x.dims, data_location=EXTERNAL)
        listed.external_data.add(key=SPARSE, value=str(stored))
    del graph.sparse_initializer[:]
    for node in graph.node:
        if node.attribute:
            for _, body in bodies_of(node):
                list_sparse(body, bodies_of, bits_of)


def stored_bytes(x: Any) -> int | None:
    """Return the bytes of the sparse tensor that an initializer stands for; None for a dense one."""
    return next((int(item.value) for item in x.external_data if item.key == SPARSE), None)
