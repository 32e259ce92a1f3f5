"""The picture of a model in text: boxes below each other in execution order, with lines at the right for longer ways.

A box that takes what the one above it gives is joined to it by an arrow. Every other edge runs in a column at the right, from the
lower border of its source to the first row of its targets.
"""

from __future__ import annotations

from dataclasses import field

from layercli.dataclass import dataclass
from layercli.escaping import printable
from layercli.inspect.plot_graph import PlotBox, PlotGraph
from layercli.render.plot_labels import facts_of, label_of
from layercli.render.text_width import padded, shortened, text_width

WIDEST, NARROWEST, MOST_LANES = 76, 34, 8
"""The widest a box is, the narrowest, and how many columns for edges there are at most."""
ASCII = str.maketrans("╭╮╰╯─│┬┴├┤┼▼◄\u00d7\u00b7\u2026", "++++-|+++++v<x.~")
"""The picture in ASCII, for terminals that have no other letters."""
MARKS = {"added": "+ ", "removed": "- ", "changed": "~ ", "moved": "> ", "inside": "~ "}


@dataclass
class _Row:
    """A row of the picture: its text, and the lanes that begin and end in it."""

    text: str
    level: int = 0
    begins: int | None = None
    ends: list[int] = field(default_factory=list)


def draw_text(graph: PlotGraph, width: int = 80) -> str:
    """Return the picture as lines of at most ``width`` columns, with title, facts and notes."""
    head = [printable(graph.title), *filter(None, [facts_of(graph)]), ""]
    body = _TextPicture(graph, width).lines() if graph.flows else tree_lines(graph, width)
    return "\n".join([*(shortened(line, max(width, 20)) for line in head), *body, *notes_of(graph, width)]) + "\n"


def notes_of(graph: PlotGraph, width: int) -> list[str]:
    """Return the notes below the picture."""
    import textwrap

    found = [printable(note) for note in graph.notes]
    if any(box.change for box in graph.boxes):
        found.append("+ added, - removed, ~ changed or with changes inside, > moved")
    return [""] * bool(found) + [line for note in found for line in textwrap.wrap(note, max(width, 20))]


class _TextPicture:
    """Writes the rows of a picture."""

    def __init__(self, graph: PlotGraph, width: int) -> None:
        self.graph = graph
        self.leaves = [box.number for box in graph.boxes if not box.group]
        self.order = {number: i for i, number in enumerate(self.leaves)}
        self.direct, self.far = self.split()
        self.lanes = self.lanes_of()
        self.count = min(max(self.lanes.values(), default=-1) + 1, MOST_LANES)
        room = max(min(WIDEST, width - 2 * self.count - 1), NARROWEST)
        self.width = min(max(NARROWEST, *(self.needed(box) for box in graph.boxes)), room)
        self.rows: list[_Row] = []

    def needed(self, box: PlotBox) -> int:
        """Return the columns that a box takes with the frames around it, so that its texts fit."""
        level, parent = 0, box.parent
        while parent is not None:
            level, parent = level + 1, self.graph.boxes[parent].parent
        rows = rows_of(box)
        return max(text_width(left) + (2 + text_width(right) if right else 0) for left, right in rows) + 4 * level + 4

    def split(self) -> tuple[set[int], dict[int, list[int]]]:
        """Return the boxes that the next one takes from, and the other edges: the targets of each source."""
        direct, far = set(), dict[int, list[int]]()
        for edge in sorted(self.graph.edges, key=lambda e: (self.order[e.source], self.order[e.target])):
            if self.order[edge.target] == self.order[edge.source] + 1:
                direct.add(edge.source)
            elif self.order[edge.target] > self.order[edge.source]:
                far.setdefault(edge.source, []).append(edge.target)
        return direct, far

    def lanes_of(self) -> dict[int, int]:
        """Return the column of each source with far targets: the first that is free as long as it is needed."""
        taken: list[int] = []
        found: dict[int, int] = {}
        for source in sorted(self.far, key=lambda s: self.order[s]):
            begin, end = self.order[source], max(self.order[target] for target in self.far[source])
            lane = next((i for i, until in enumerate(taken) if until < begin), len(taken))
            taken[lane : lane + 1] = [end]
            found[source] = lane
        return found

    def lines(self) -> list[str]:
        """Return the lines of the picture."""
        self.add_boxes(None, 0)
        return self.with_lanes()

    def add_boxes(self, parent: int | None, level: int) -> None:
        """Add the rows of the boxes in one group, or outside of all."""
        for box in self.graph.boxes:
            if box.parent != parent:
                continue
            if box.group:
                self.add_group(box, level)
            else:
                self.add_leaf(box, level)

    def add_group(self, box: PlotBox, level: int) -> None:
        """Add a frame with the boxes inside it."""
        inside = [number for number in self.leaves if self.is_inside(number, box.number)]
        first, last = inside[0], inside[-1]
        self.add(self.border("╭╮", level, "▼" if self.joined_above(first) else ""), level)
        for text in self.texts(box, self.inner(level) - 2):
            self.add(f"│ {text} │", level)
        self.add_boxes(box.number, level + 1)
        self.add(self.border("╰╯", level, "┬" if last in self.direct else ""), level)

    def is_inside(self, number: int | None, group: int) -> bool:
        """Whether a box is in a group, at any level."""
        while number is not None and number != group:
            number = self.graph.boxes[number].parent
        return number == group

    def add_leaf(self, box: PlotBox, level: int) -> None:
        """Add the rows of a box."""
        above = "▼" if self.joined_above(box.number) else ""
        self.add(self.border("╭╮", level, above), level)
        first, *rest = self.texts(box, self.inner(level) - 2)
        ends = [source for source, targets in self.far.items() if box.number in targets]
        self.add(f"│ {first} │", level, ends=ends)
        for text in rest:
            self.add(f"│ {text} │", level)
        below = "┬" if box.number in self.direct else ""
        self.add(self.border("╰╯", level, below), level, begins=box.number if box.number in self.far else None)

    def joined_above(self, number: int) -> bool:
        """Whether a box takes what the one before it gives."""
        place = self.order[number]
        return place > 0 and self.leaves[place - 1] in self.direct

    def inner(self, level: int) -> int:
        """Return the columns inside the borders of a box at a level."""
        return max(self.width - 4 * level - 2, 8)

    def border(self, corners: str, level: int, mark: str) -> str:
        """Return an upper or lower border with a mark in its middle."""
        line = "─" * self.inner(level)
        middle = self.width // 2 - 1 - 2 * level
        if mark and 0 <= middle < len(line):
            line = line[:middle] + mark + line[middle + 1 :]
        return f"{corners[0]}{line}{corners[1]}"

    def texts(self, box: PlotBox, room: int) -> list[str]:
        """Return the rows of text in a box."""
        return [spread(left, right, room) for left, right in rows_of(box)]

    def add(self, text: str, level: int, *, begins: int | None = None, ends: list[int] | None = None) -> None:
        """Add a row inside the frames of its level."""
        self.rows.append(_Row("│ " * level + text, level, begins, ends or []))

    def with_lanes(self) -> list[str]:
        """Return the rows with what is at their right: the frames around them, and the lanes."""
        self.open: dict[int, int] = {}
        self.left = {source: len(targets) for source, targets in self.far.items()}
        return [self.with_lanes_of(row) for row in self.rows]

    def with_lanes_of(self, row: _Row) -> str:
        """Return a row with the frames and lanes at its right; edges without a lane are named."""
        ends = [source for source in row.ends if self.lanes[source] < self.count]
        begins = row.begins if row.begins is not None and self.lanes[row.begins] < self.count else None
        for source in row.ends:
            self.left[source] -= 1
        sources = [*ends, *([begins] if begins is not None else [])]
        reach = max((self.lanes[source] for source in sources), default=-1)
        text = row.text[:-1] + ("◄" if ends else "┴" if begins is not None else row.text[-1])
        line = text + ("─┼" if sources else " │") * row.level
        for lane in range(self.count):
            filler = "─" if lane <= reach else " "
            line += filler + self.mark(lane, ends, begins, passed=lane < reach)
        hidden = [label_of(self.graph.boxes[source]).title for source in row.ends if source not in ends]
        return f"{line} from {', '.join(hidden)}" if hidden else line.rstrip()

    def mark(self, lane: int, ends: list[int], begins: int | None, *, passed: bool) -> str:
        """Return what a row has in a lane; ``passed``: its line runs on to a lane further right."""
        source = self.open.get(lane)
        if begins is not None and self.lanes[begins] == lane:
            self.open[lane] = begins
            return "╮"
        if source is None:
            return "─" if passed else " "
        if source not in ends:
            return "┼" if passed else "│"
        if self.left[source]:
            return "┼" if passed else "┤"
        del self.open[lane]
        return "┴" if passed else "╯"


def rows_of(box: PlotBox) -> list[tuple[str, str]]:
    """Return the rows of a box: name and class, and where there are any shapes and parameters."""
    label = label_of(box)
    title = MARKS.get(box.change, "") + label.title
    if box.kind not in ("module", "operations"):
        return [(title, label.shapes)]
    first = title, " ".join(filter(None, (label.type, label.repeats)))
    return [first, (label.shapes, label.figures)] if label.shapes or label.figures else [first]


def spread(left: str, right: str, room: int) -> str:
    """Return two texts at both ends of a row; what is too long is shortened, the right one first."""
    if text_width(left) > room:
        left = shortened(left, room, middle=True)
    free = room - text_width(left) - 1
    right = shortened(right, free) if free > 3 else ""
    return left + padded(right, room - text_width(left), right=True)


def tree_lines(graph: PlotGraph, width: int) -> list[str]:
    """Return the lines of a tree of modules, with guides."""
    below: dict[int, list[int]] = {}
    for edge in graph.edges:
        below.setdefault(edge.source, []).append(edge.target)
    lines: list[str] = []

    def add(number: int, first: str, rest: str) -> None:
        label = label_of(graph.boxes[number])
        mark = MARKS.get(graph.boxes[number].change, "")
        right = "  ".join(filter(None, (label.type, label.repeats, label.figures)))
        room = max(min(width, WIDEST) - len(first), NARROWEST)
        lines.append(f"{first}{spread(mark + label.title, right, room)}".rstrip())
        inner = below.get(number, [])
        for i, child in enumerate(inner, 1):
            last = i == len(inner)
            add(child, rest + ("╰─ " if last else "├─ "), rest + ("   " if last else "│  "))

    add(0, "", "")
    return lines
