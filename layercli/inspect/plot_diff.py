"""The picture of a model compared with another: what was added, changed or moved, and in its place what was removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from layercli.inspect.edit_script import StructureEdit
from layercli.inspect.model_graph import ModelGraph
from layercli.inspect.operation_edits import graph_edits
from layercli.inspect.plot_flow import plot_graph
from layercli.inspect.plot_graph import FEW, Change, PlotBox, PlotEdge, PlotGraph, PlotOptions
from layercli.inspect.plot_runs import with_runs

CHANGES: Mapping[str, Change] = {
    "added": "added",
    "removed": "removed",
    "replaced": "changed",
    "changed": "changed",
    "rewired": "changed",
    "moved": "moved",
}
"""What a picture shows of each kind of edit; another name is no difference."""


def plot_diff(old: ModelGraph, new: ModelGraph, options: PlotOptions | None = None) -> PlotGraph:
    """Return the picture of ``new`` with its differences from ``old``, among them the modules that only ``old`` has."""
    options = options or PlotOptions()
    edits, paths = graph_edits(old, new)
    removed = {edit.a: CHANGES["removed"] for edit in edits if edit.kind == "removed" and edit.a and not edit.operation}
    changes = changes_of(edits, old, paths)
    shown = plot_graph(new, replace(options, changes=changes))
    back = {theirs: mine for mine, theirs in paths.items()}
    before = plot_graph(
        old,
        PlotOptions(
            depth=options.depth,
            expand=tuple(back[path] for path in options.expand if path in back),
            focus=back.get(options.focus, ""),
            fold=options.fold,
            changes=removed | {back[path]: change for path, change in changes.items() if path in back},
        ),
    )
    found = _Union(shown, before, paths).graph() if removed else shown
    if options.depth is None and options.fold and len(found.boxes) > FEW:
        found = with_runs(found)
    notes = () if any(box.change for box in found.boxes) or changes else ("the two have the same structure",)
    return replace(found, compared_with=old.name, notes=(*found.notes, *notes))


def changes_of(edits: list[StructureEdit], old: ModelGraph, paths: Mapping[str, str]) -> dict[str, Change]:
    """Return how the modules of the new model differ, by path."""
    found: dict[str, Change] = {}
    for edit in edits:
        if edit.b and edit.kind in CHANGES:
            found.setdefault(edit.b, "changed" if edit.operation else CHANGES[edit.kind])
        elif edit.kind == "removed" and edit.a and not edit.operation:
            around = paths.get(old.modules[edit.a].parent or "", "")
            if around:
                found.setdefault(around, "inside")
        elif edit.kind == "removed" and edit.operation and paths.get(edit.a or ""):
            found.setdefault(paths[edit.a or ""], "changed")
    return found


class _Union:
    """Puts the removed boxes of one picture, with their edges, into another."""

    def __init__(self, shown: PlotGraph, before: PlotGraph, paths: Mapping[str, str]) -> None:
        self.shown, self.before = shown, before
        self.order: list[tuple[PlotGraph, int]] = [(shown, box.number) for box in shown.boxes]
        self.same: dict[int, int] = {}
        places = keyed(shown, {path: path for path in paths.values()})
        for key, number in keyed(before, paths).items():
            if key in places:
                self.same[number] = places[key]

    def graph(self) -> PlotGraph:
        """Return the picture with the removed boxes after those that were before them."""
        gone = [box for box in self.before.boxes if self.is_removed(box)]
        for box in gone:
            self.insert(box)
        numbers = {entry: i for i, entry in enumerate(self.order)}

        def number(of: PlotGraph, which: int) -> int:
            return (
                numbers[self.shown, self.same[which]]
                if of is self.before and which in self.same
                else numbers[of, which]
            )

        boxes: list[PlotBox] = []
        for of, which in self.order:
            box = of.boxes[which]
            parent = None if box.parent is None else number(of, box.parent)
            change: Change = box.change if of is self.shown else "removed"
            boxes.append(replace(box, number=len(boxes), parent=parent, change=change))
        edges = [PlotEdge(number(self.shown, e.source), number(self.shown, e.target)) for e in self.shown.edges]
        known = {(edge.source, edge.target) for edge in edges}
        drawn = {box.number for box in gone} | set(self.same)
        removed = {box.number for box in gone}
        for edge in self.before.edges:
            if {edge.source, edge.target} <= drawn and {edge.source, edge.target} & removed:
                ends = number(self.before, edge.source), number(self.before, edge.target)
                if ends not in known:
                    edges.append(PlotEdge(*ends, change="removed"))
        return replace(self.shown, boxes=tuple(boxes), edges=tuple(edges))

    def is_removed(self, box: PlotBox) -> bool:
        """Whether a box is of a module that only the old model has, or in one, and stands where the new one has a place."""
        parent = box.parent
        inside = parent is None or parent in self.same or self.is_removed(self.before.boxes[parent])
        while box.change != "removed" and box.parent is not None:
            box = self.before.boxes[box.parent]
        return inside and box.change == "removed"

    def insert(self, box: PlotBox) -> None:
        """Put a removed box behind the one that was before it in the box around it, else first in that."""
        earlier = [b for b in self.before.boxes if b.parent == box.parent and b.number < box.number]
        at = len(self.order)
        for one in reversed(earlier):
            entry = (self.shown, self.same[one.number]) if one.number in self.same else (self.before, one.number)
            if entry in self.order:
                at = self.end_of(entry)
                break
        else:
            if box.parent is not None:
                around = (self.shown, self.same[box.parent]) if box.parent in self.same else (self.before, box.parent)
                at = self.order.index(around) + 1
        self.order.insert(at, (self.before, box.number))

    def end_of(self, entry: tuple[PlotGraph, int]) -> int:
        """Return the place behind a box and all that is in it."""
        at = self.order.index(entry) + 1
        inside = {entry}
        while at < len(self.order):
            of, which = self.order[at]
            parent = of.boxes[which].parent
            around = (of, parent) if parent is not None else None
            if of is self.before and parent in self.same:
                around = self.shown, self.same[parent]
            if around not in inside:
                break
            inside.add(self.order[at])
            at += 1
        return at


def keyed(graph: PlotGraph, paths: Mapping[str, str]) -> dict[tuple[str, str, str, int], int]:
    """Return the numbers of the boxes by what a box of the other picture is recognised by; modules by the path in
    the new one, inputs and outputs by their order."""
    found: dict[tuple[str, str, str, int], int] = {}
    for box in graph.boxes:
        if box.kind in ("module", "operation") and box.module and box.module not in paths:
            continue
        module = paths.get(box.module, "") if box.module else ""
        title = box.title if box.kind == "operation" else ""
        count = 0
        while (box.kind, module, title, count) in found:
            count += 1
        found[box.kind, module, title, count] = box.number
    return found
