"""The summary of a ``.pt2``: of the modules that torch has noted in it, run on the meta device."""

from __future__ import annotations

from layercli.inspect.graph_inputs import graph_inputs
from layercli.inspect.summary import Summary
from layercli.runtime.exported_graph import ExportedGraph
from layercli.runtime.module_summary import summarize_module


def summarize_graph(file: str, shapes: list[str], sizes: list[str]) -> Summary:
    """Return the summary of the program in a file, its inputs of the shapes and named sizes that the user gave."""
    graph = ExportedGraph(file).describing()
    inputs = graph_inputs(file, graph.specs, list(graph.specs), shapes, sizes)
    return summarize_module(graph, inputs, file, file, limits=graph.limits)
