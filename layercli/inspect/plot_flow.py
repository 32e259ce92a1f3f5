"""The boxes and edges of a model's call: modules and operations in execution order, with the values that flow between them."""

from __future__ import annotations

from dataclasses import replace

from layercli.errors import UsageError, nearest
from layercli.inspect.call_tree import CallNode, call_at, call_tree
from layercli.inspect.flow_plotter import FlowPlotter
from layercli.inspect.model_graph import ModelGraph
from layercli.inspect.plot_graph import (
    FEW,
    MOST,
    PlotGraph,
    PlotOptions,
)
from layercli.inspect.plot_tree import tree_plot
from layercli.inspect.value_flow import ValueFlow


def plot_graph(graph: ModelGraph, options: PlotOptions | None = None) -> PlotGraph:
    """Return the picture of a model; a tree of its modules where it does not say what it computes.

    UsageError for a path that no module has, or one that was not called.
    """
    options = options or PlotOptions()
    for path in (*options.expand, *([options.focus] if options.focus else [])):
        check_path(graph, path)
    if not graph.calls and not graph.module_calls:
        return tree_plot(graph, options)
    root = call_tree(graph)
    frame = call_at(root, options.focus)
    if frame is None:
        raise UsageError(f"{options.focus} is not called, so there is nothing to draw of it")
    return at_best_depth(graph, frame, options)


def check_path(graph: ModelGraph, path: str) -> None:
    """Raise UsageError for a path that no module has."""
    if path not in graph.modules:
        raise UsageError(f"{graph.name} has no module {path!r}", hint=nearest(path, [p for p in graph.modules if p]))


def at_best_depth(graph: ModelGraph, frame: CallNode, options: PlotOptions) -> PlotGraph:
    """Return the picture at the depth that was asked for, or at the largest with few boxes."""
    flow = ValueFlow(graph)
    if options.depth is not None or options.changes:
        found = FlowPlotter(flow, graph, frame, replace(options, depth=options.depth or 1)).plot()
        depth = options.depth or 1
        while len(found.boxes) > MOST and depth > 1:
            depth -= 1
            found = FlowPlotter(flow, graph, frame, replace(options, depth=depth)).plot()
        if depth < (options.depth or 1):
            found = replace(
                found, notes=(*found.notes, f"--depth {options.depth} has too many boxes: {depth} is shown")
            )
        return found

    def at(depth: int, *, sectioned: bool = False) -> FlowPlotter:
        return FlowPlotter(flow, graph, frame, replace(options, depth=depth), sectioned)

    depth, boxes = 1, at(1).count()
    if boxes > FEW and options.fold and not options.expand:
        return min(at(1).plot(), at(1, sectioned=True).plot(), key=lambda plot: len(plot.boxes))
    while boxes < (deeper := at(depth + 1).count()) <= FEW:
        depth, boxes = depth + 1, deeper
    return at(depth).plot()
