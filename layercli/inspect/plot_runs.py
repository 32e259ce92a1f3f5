"""Runs of neighbours in the picture of a comparison that differ alike from the other model, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from layercli.inspect.plot_graph import PlotBox, PlotEdge, PlotGraph
from layercli.inspect.plot_sections import SEVERAL, TO, commonest

NOTE = "neighbours that differ alike, or not at all, are one box (--depth 1 shows each)"


def with_runs(graph: PlotGraph) -> PlotGraph:
    """Return the picture with one box for each run of several such neighbours."""
    runs = [*runs_of(graph.boxes)]
    if len(runs) == len(graph.boxes):
        return graph
    numbers = {box.number: number for number, run in enumerate(runs) for box in run}
    boxes = [
        replace(one_box(run), number=number, parent=None if run[0].parent is None else numbers[run[0].parent])
        for number, run in enumerate(runs)
    ]
    edges: dict[tuple[int, int], PlotEdge] = {}
    for edge in graph.edges:
        ends = numbers[edge.source], numbers[edge.target]
        if ends[0] != ends[1] and (ends not in edges or not edge.change):  # of two, the one that is still there
            edges[ends] = PlotEdge(*ends, change=edge.change)
    return replace(graph, boxes=tuple(boxes), edges=tuple(edges.values()), notes=(*graph.notes, NOTE))


def runs_of(boxes: Sequence[PlotBox]) -> Iterator[list[PlotBox]]:
    """Yield the boxes in runs: inputs, outputs, those with boxes inside and short runs one by one."""

    def alike(box: PlotBox) -> tuple[object, ...]:
        apart = box.group or box.kind in ("input", "output")
        return box.parent, box.change, box.number if apart else None

    for _, group in groupby(boxes, alike):
        run = [*group]
        yield from [run] if len(run) >= SEVERAL else ([box] for box in run)


def one_box(run: Sequence[PlotBox]) -> PlotBox:
    """Return the box that a run is drawn as."""
    first, last = run[0], run[-1]
    if first is last:
        return first
    return PlotBox(
        first.number,
        "operations",
        first.path,
        f"{first.title.partition('..')[0]}{TO}{last.title}",
        specs=last.specs,
        parameters=sum((box.parameters or 0) * box.repeats for box in run),
        share=sum(box.share for box in run),
        change=first.change,
        remark=commonest(box.type or box.title for box in run for _ in range(box.repeats)),
    )
