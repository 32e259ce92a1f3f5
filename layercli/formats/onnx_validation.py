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
        graphs = [model.graph, *model.functions]
        damaged = any(not isinstance(text, str) for graph in graphs for text in texts_in(graph))
        damaged = damaged or any(not isinstance(opset.domain, str) for opset in model.opset_import)
    except UnicodeDecodeError:
        damaged = True
    if damaged:
        raise FormatError(f"{file} is damaged: a name in it is not text")


def check_ranks(file: Path, graph: GraphProto) -> None:
    """Raise FormatError for an input or output, or a value that the file describes, with more dimensions than arrays have."""
    for x in (*graph.input, *graph.output, *graph.value_info):
        rank = len(x.type.tensor_type.shape.dim)
        if rank > MOST_DIMENSIONS:
            raise FormatError(
                f"{file}: {x.name!r} has {rank:,} dimensions, and an array has {MOST_DIMENSIONS} at most",
                code="bad-shape",
            )


def texts_in(graph: GraphProto) -> Iterator[object]:
    """Yield the strings of a graph or function, and of the subgraphs of its nodes."""
    yield graph.name
    if hasattr(graph, "initializer"):
        for x in graph.initializer:
            yield from texts_of_tensor(x)
        for x in (*graph.input, *graph.output):
            yield from texts_of_value(x)
    else:
        yield from (graph.domain, *graph.input, *graph.output, *graph.attribute)
    for x in graph.value_info:
        yield from texts_of_value(x)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (text for item in node.metadata_props for text in (item.key, item.value))
        for attribute in node.attribute:
            yield attribute.name
            if attribute.HasField("t"):
                yield from texts_of_tensor(attribute.t)
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from texts_in(body)


def texts_of_tensor(x: Any) -> Iterator[object]:
    """Yield the name of a tensor and its external data entries."""
    yield x.name
    yield from (text for item in x.external_data for text in (item.key, item.value))


def texts_of_value(x: Any) -> Iterator[object]:
    """Yield the name of a value, of its sizes, and its metadata."""
    yield x.name
    yield from (size.dim_param for size in x.type.tensor_type.shape.dim)
    yield from (text for item in x.metadata_props for text in (item.key, item.value))
