"""Validate the strings in an ONNX message, which protobuf does not decode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.limits import MOST_DIMENSIONS
from layercli.errors import FormatError

if TYPE_CHECKING:
    from onnx import GraphProto


def check_texts(file: Path, model: Any) -> None:
    """Raise FormatError unless all names in a model are valid text."""
    try:
        "".join(opset.domain for opset in model.opset_import)
        for graph in (model.graph, *model.functions):
            check_graph(graph)
    except (UnicodeDecodeError, TypeError):  # protobuf raises the one, or hands over bytes, which texts do not join
        raise FormatError(f"{file} is damaged: a name in it is not text") from None


def check_ranks(file: Path, graph: GraphProto) -> None:
    """Raise FormatError for an input or output, or a value that the file describes, with more dimensions than arrays have."""
    for x in (*graph.input, *graph.output, *graph.value_info):
        rank = len(x.type.tensor_type.shape.dim)
        if rank > MOST_DIMENSIONS:
            raise FormatError(
                f"{file}: {x.name!r} has {rank:,} dimensions, and an array has {MOST_DIMENSIONS} at most",
                code="bad-shape",
            )


def check_graph(graph: GraphProto) -> None:
    """Raise an error unless the names in a graph or function, and in the subgraphs of its nodes, are text.

    They are joined, many in one call, since there may be a million.
    """
    texts = [graph.name]
    if hasattr(graph, "initializer"):
        texts += [x.name for x in graph.initializer]
        noted = [x for x in graph.initializer if x.external_data]
        values = (*graph.input, *graph.output, *graph.value_info)
    else:
        texts += (graph.domain, *graph.input, *graph.output, *graph.attribute)
        noted, values = [], graph.value_info
    texts += (text for x in values for text in texts_of_value(x))
    for node in graph.node:
        texts += (node.name, node.op_type, node.domain)
        texts += node.input
        texts += node.output
        if node.metadata_props:
            texts += (text for item in node.metadata_props for text in (item.key, item.value))
        for attribute in node.attribute:
            texts.append(attribute.name)
            if attribute.HasField("t"):
                texts.append(attribute.t.name)
                noted.append(attribute.t)
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                check_graph(body)
    texts += (text for x in noted for item in x.external_data for text in (item.key, item.value))
    "".join(texts)


def texts_of_value(x: Any) -> Iterator[str]:
    """Yield the name of a value, of its sizes, and its metadata."""
    yield x.name
    yield from (size.dim_param for size in x.type.tensor_type.shape.dim)
    yield from (text for item in x.metadata_props for text in (item.key, item.value))
