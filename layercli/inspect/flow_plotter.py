"""Makes the boxes and edges of one call: what ran inside it in execution order, equal modules folded, and the values between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from layercli.core import tree
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.inspect.call_tree import CallNode
from layercli.inspect.model_graph import ROOT, ModelGraph
from layercli.inspect.plot_graph import (
    FEW,
    FOLDED,
    MOST,
    BoxKind,
    PlotBox,
    PlotEdge,
    PlotGraph,
    PlotOptions,
    change_of,
)
from layercli.inspect.plot_sections import PlotSection, even_sections, sections_of
from layercli.inspect.plot_tree import parameters_of
from layercli.inspect.repeats import path_of_run, runs_of_equal
from layercli.inspect.value_flow import ValueFlow

Step = tuple[tuple[int, ...], tuple[int, ...], int, tuple[tuple[int, int], ...]]
"""Values taken, values given, the box, and for each run of equal modules it is in: which run, and which of its modules."""


class TooManyBoxes(Exception):
    """A picture that is counted has more boxes than may be."""


@dataclass
class FlowPlotter:
    """Makes the picture of one call."""

    flow: ValueFlow
    graph: ModelGraph
    root: CallNode
    options: PlotOptions
    sectioned: bool = False
    counted_to: int | None = None
    """The number of boxes after which counting ends; None where a picture is made."""
    boxes: list[PlotBox] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self.total = self.flow.parameters
        self.changed = dict(self.options.changes)

    def plot(self) -> PlotGraph:
        """Return the picture."""
        self.add_inputs()
        self.add_frame(self.root, None, 1, ())
        edges = self.edges()
        if any(box.repeats > 1 for box in self.boxes):
            self.notes.append(FOLDED)
        if self.graph.incomplete:
            self.notes.append(f"shown up to the failing call: {self.graph.incomplete}")
        return PlotGraph(
            self.graph.name if not self.root.path else f"{self.graph.name}: {self.root.path}",
            self.graph.modules[self.root.path].class_name,
            tuple(self.boxes),
            tuple(edges),
            self.total,
            self.flow.bytes,
            tuple(self.notes),
            failure=self.graph.incomplete,
        )

    def count(self) -> int:
        """Return how many boxes the picture has, or ``counted_to`` and one if it has more: without what flows between them."""
        self.counted_to = FEW
        try:
            self.add_inputs()
            self.add_frame(self.root, None, 1, ())
        except TooManyBoxes:
            return FEW + 1
        made = {place for step in self.steps for place in step[1]}
        made.update(*self.flow.made[self.root.start : self.root.stop])
        return len(self.boxes) + sum(place in made for _, place in self.ends())

    def add(self, kind: BoxKind, path: str, title: str, parent: int | None = None, **more: object) -> int:
        """Add a box and return its number."""
        if self.counted_to is not None and len(self.boxes) >= self.counted_to:
            raise TooManyBoxes
        self.boxes.append(PlotBox(len(self.boxes), kind, path, title, parent=parent, **more))  # type: ignore[arg-type]  # fields of PlotBox
        return len(self.boxes) - 1

    def add_inputs(self) -> None:
        """Add a box for each input, of a part of the model for each value that it takes."""
        if self.root.path == ROOT:
            given = [(name, place) for name, place in self.graph.inputs]
        else:
            given = [(self.name_of(place), place) for place in self.root.takes()]
        for name, place in given:
            number = self.add("input", name, name, specs=(self.graph.values[place].spec,))
            self.steps.append(((), (place,), number, ()))

    def name_of(self, place: int) -> str:
        """Return how a value from outside the part that is shown is called: as the input, or after the module that gives it."""
        value = self.graph.values[place]
        maker = self.graph.made_by.get(place)
        return value.path or (maker.module if maker is not None else "") or "input"

    def add_frame(self, frame: CallNode, parent: int | None, level: int, folds: tuple[tuple[int, int], ...]) -> None:
        """Add the boxes of what ran directly inside a call."""
        groups = self.grouped(frame.items)
        sections = sections_of(frame.items, self.flow) if self.sectioned else None
        if sections is None and len(groups) > MOST:
            sections = even_sections(frame.items)
        if sections is not None:
            self.notes.append(sections[1])
            self.add_sections(sections[0], frame, parent, folds)
            return
        for group in groups:
            self.add_item(group, frame, parent, level, folds)

    def add_item(
        self,
        group: Sequence[CallNode | int],
        frame: CallNode,
        parent: int | None,
        level: int,
        folds: tuple[tuple[int, int], ...],
    ) -> None:
        """Add the box of a run of equal calls, or of an operation."""
        calls = [item for item in group if isinstance(item, CallNode)]
        if calls:
            self.add_calls(calls, frame, parent, level, folds)
        elif isinstance(group[0], int):
            self.add_operation(group[0], parent, folds)

    def grouped(self, items: Sequence[CallNode | int]) -> list[list[CallNode | int]]:
        """Return the items with runs of equal calls grouped."""
        if not self.options.fold:
            return [[item] for item in items]

        def path(item: CallNode | int) -> str:
            return item.path if isinstance(item, CallNode) and not self.kept_apart(item.path) else ""

        def content(item: CallNode | int) -> object:
            return item.content if isinstance(item, CallNode) else None

        return runs_of_equal(items, path, content)

    def kept_apart(self, path: str) -> bool:
        """Whether a module is not folded: it or one inside it differs from another model, or was named to be expanded."""
        return any(is_at_or_below(each, path) for each in (*self.changed, *self.options.expand))

    def add_calls(
        self,
        calls: list[CallNode],
        frame: CallNode,
        parent: int | None,
        level: int,
        folds: tuple[tuple[int, int], ...],
    ) -> None:
        """Add the box of a module, or of a run of equal ones, and where it is opened the boxes inside it."""
        first, last = calls[0], calls[-1]
        opened = self.opens(first, level)
        name = path_of_run(first.path, last.path)
        node = self.graph.modules[first.path]
        below = [module.path for module in self.graph.below(first.path)]
        parameters = parameters_of(self.graph, first.path)
        number = self.add(
            "module",
            name,
            name.removeprefix(f"{frame.path}/") if frame.path else name,
            parent,
            type=node.class_name or "",
            specs=self.gives(first),
            parameters=parameters,
            share=len(calls) * self.copies_of(parent) * (parameters or 0) / self.total if self.total else 0.0,
            repeats=len(calls),
            group=opened,
            shared=len(self.graph.calls_of.get(first.path, ())) > 1,
            change=change_of(first.path, self.changed, below[1:]),
            module=first.path,
        )
        self.runs += 1
        run, begin = self.runs, len(self.steps)
        inner = (*folds, (run, 0))
        if opened:
            self.add_frame(first, number, level + 1, inner)
        else:
            self.steps += [(step[0], step[1], number, inner) for step in self.steps_of(first)]
        if self.counted_to is not None:
            return
        for which, copy in enumerate(calls[1:], 1):
            self.copy_steps(begin, first, copy, (*folds, (run, which)))

    def copies_of(self, number: int | None) -> int:
        """Return how many equal modules the boxes around stand for, all in all."""
        if number is None:
            return 1
        return self.boxes[number].repeats * self.copies_of(self.boxes[number].parent)

    def opens(self, node: CallNode, level: int) -> bool:
        """Whether the boxes inside a module are shown: it is above the depth, or named, or around one that is."""
        named = any(is_at_or_below(path, node.path) for path in self.options.expand)
        if named and len(node.items) > 0:
            return True
        return bool(node.children) and level < (self.options.depth or 1)

    def steps_of(self, node: CallNode) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return what a module's operations take and give; without operations, what its call takes and gives."""
        if node.start == node.stop:
            gave = () if node.call is None else tuple(x for x in tree.flatten(node.call.outputs) if x is not None)
            return [(node.call.inputs if node.call is not None else (), gave)]
        return [(self.graph.calls[i].inputs, self.flow.made[i]) for i in range(node.start, node.stop)]

    def copy_steps(self, begin: int, first: CallNode, copy: CallNode, folds: tuple[tuple[int, int], ...]) -> None:
        """Add the steps of another module of a run: they belong to the boxes of the first one."""
        if first.start == first.stop:
            [(takes, gives)] = self.steps_of(copy)
            self.steps.append((takes, gives, self.steps[begin][2], folds))
            return
        shift = self.shift_of(first, copy)
        level = len(folds)
        for takes, gives, number, inner in self.steps[begin : begin + self.length_of(begin, first, level)]:
            moved = tuple(shift.get(x, x) for x in takes), tuple(shift.get(x, x) for x in gives)
            self.steps.append((*moved, number, (*folds, *inner[level:])))

    def length_of(self, begin: int, first: CallNode, level: int) -> int:
        """Return how many steps the first module of a run has, of those from ``begin`` on."""
        run = self.steps[begin][3][level - 1]
        end = begin
        while end < len(self.steps) and self.steps[end][3][level - 1 : level] == (run,):
            end += 1
        return end - begin

    def shift_of(self, first: CallNode, copy: CallNode) -> dict[int, int]:
        """Return which values of another module of a run correspond to those of the first."""
        shift: dict[int, int] = {}
        calls = self.graph.calls
        for mine, theirs in zip(calls[first.start : first.stop], calls[copy.start : copy.stop], strict=True):
            shift.update(zip(mine.inputs, theirs.inputs, strict=False))
            shift.update(zip(mine.outputs, theirs.outputs, strict=False))
        return shift

    def gives(self, node: CallNode) -> tuple[Spec, ...]:
        """Return the Specs of a module's outputs: of what it made that is taken later, or of what its call returns."""
        values = self.graph.values
        if node.call is not None and not node.call.finished:
            return ()
        if node.call is not None and node.call.outputs is not None:
            return tuple(values[x].spec for x in tree.flatten(node.call.outputs) if x is not None)
        calls = self.graph.calls[node.start : node.stop]
        made = dict.fromkeys(place for call in calls for place in call.outputs)
        later = [place for place in made if self.flow.last_use.get(place, -1) >= node.stop]
        later = [place for place in later if values[place].storage not in self.flow.held] or later
        later = later or [place for call in calls[-1:] for place in call.outputs[:1]]
        return tuple(values[place].spec for place in later)

    def add_operation(self, index: int, parent: int | None, folds: tuple[tuple[int, int], ...]) -> None:
        """Add the box of an operation."""
        call = self.graph.calls[index]
        specs = tuple(self.graph.values[place].spec for place in call.outputs)
        number = self.add("operation", call.module, call.operation, parent, specs=specs, module=call.module)
        self.steps.append((call.inputs, self.flow.made[index], number, folds))

    def add_sections(
        self, sections: list[PlotSection], frame: CallNode, parent: int | None, folds: tuple[tuple[int, int], ...]
    ) -> None:
        """Add a box for each section of a call; one of a single item is that of the item."""
        for section in sections:
            first = section.items[0]
            if len(section.items) == 1:
                self.add_item(section.items, frame, parent, 1, folds)
                continue
            node = section.node(frame)
            held = [parameters_of(self.graph, item.path) or 0 for item in section.items if isinstance(item, CallNode)]
            number = self.add(
                "operations",
                frame.path if isinstance(first, int) else first.path,
                section.title,
                parent,
                specs=self.gives(node),
                remark=section.content(frame),
                parameters=sum(held) // section.repeats,
                share=sum(held) / self.total if self.total else 0.0,
                repeats=section.repeats,
            )
            self.steps += [(takes, gives, number, folds) for takes, gives in self.steps_of(node)]

    def edges(self) -> list[PlotEdge]:
        """Return the edges, each once; those from one module of a run to the next are left out. Add the outputs."""
        held: dict[int, tuple[int, tuple[tuple[int, int], ...]]] = {}
        found: dict[tuple[int, int], None] = {}
        for takes, gives, number, folds in self.steps:
            for place in takes:
                if place in held and held[place][0] != number and not across(held[place][1], folds):
                    found[held[place][0], number] = None
            held |= dict.fromkeys(gives, (number, folds))
        for name, place in self.ends():
            if place in held:
                number = self.add("output", name, name, specs=(self.graph.values[place].spec,))
                found[held[place][0], number] = None
        return [PlotEdge(*ends) for ends in found]

    def ends(self) -> list[tuple[str, int]]:
        """Return the outputs by name: of a part of the model what is taken later, of a torch module what it computes last."""
        if self.root.path == ROOT:
            last = self.graph.calls[-1].outputs if self.graph.calls and not self.graph.incomplete else ()
            return list(self.graph.outputs) or [("output", place) for place in last[:1]]
        made = {place: None for call in self.graph.calls[self.root.start : self.root.stop] for place in call.outputs}
        later = [place for place in made if self.flow.last_use.get(place, -1) >= self.root.stop]
        return [("output" if len(later) == 1 else f"output_{i}", place) for i, place in enumerate(later)]


def across(one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> bool:
    """Whether two steps are in different modules of one run."""
    places = dict(other)
    return any(run in places and places[run] != which for run, which in one)


def is_at_or_below(path: str, other: str) -> bool:
    """Whether a path is ``other``, or of a module inside it."""
    return path == other or path.startswith(f"{other}/")
