"""Edges that would run through a box are led around it: the shortest orthogonal line with few bends (Dijkstra's algorithm).

The layout library places boxes without overlap, but about one edge in a thousand cuts the corner of a box, or ends beside one.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise

from layercli.dataclass import dataclass

Point = tuple[float, float]
Line = tuple[Point, ...]

CLEARANCE, BEND, WINDOW = 7.0, 40.0, 260.0
"""How far lines keep from boxes, what a bend costs in length, and how far from both ends boxes are looked at."""
TOUCH = 0.01
"""Lines that are no further inside a box than this touch its border."""


@dataclass(frozen=True)
class PlacedNode:
    """A placed box: its top left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right border."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower border."""
        return self.y + self.height

    def crossed(self, line: Line) -> bool:
        """Whether a line of horizontal and vertical pieces runs through it."""
        return any(
            min(a[0], b[0]) < self.right - TOUCH
            and max(a[0], b[0]) > self.x + TOUCH
            and min(a[1], b[1]) < self.bottom - TOUCH
            and max(a[1], b[1]) > self.y + TOUCH
            for a, b in pairwise(line)
        )

    def touched(self, point: Point) -> bool:
        """Whether a point is in it or on its border."""
        x, y = point
        return self.x - TOUCH <= x <= self.right + TOUCH and self.y - TOUCH <= y <= self.bottom + TOUCH

    def turned(self) -> PlacedNode:
        """Return it with its axes exchanged."""
        return PlacedNode(self.y, self.x, self.height, self.width)


def rerouted(
    nodes: Sequence[PlacedNode],
    parents: Sequence[int | None],
    edges: Sequence[tuple[int, int]],
    lines: Sequence[Line],
    *,
    down: bool = True,
) -> list[Line]:
    """Return the lines of the edges, those through boxes or beside their ends replaced; a line may run in the boxes
    around its ends."""
    found = list(lines)
    rows = _Rows(nodes, parents)
    for place, (source, target) in enumerate(edges):
        inner, outer = between(source, target, parents)
        line = found[place]
        joined = nodes[source].touched(line[0]) and nodes[target].touched(line[-1])
        if not joined or any(nodes[number].crossed(line) for number in rows.near(line, inner)):
            open_ = {*inner, *outer}
            barred = [number for number, parent in enumerate(parents) if parent in open_ and number not in open_]
            found[place] = route(nodes[source], nodes[target], [nodes[n] for n in barred], down=down) or line
    return found


def between(source: int, target: int, parents: Sequence[int | None]) -> tuple[list[int | None], list[int | None]]:
    """Return the boxes around one end of an edge up to the first that is around both, and those around that one.

    None stands for the whole picture.

    >>> between(3, 4, [None, 0, 1, 2, 1])
    ([2, 1], [0, None])
    """
    first, second = ancestors(source, parents), ancestors(target, parents)
    shared = 0
    while shared < min(len(first), len(second)) and first[-1 - shared] == second[-1 - shared]:
        shared += 1
    outer = first[len(first) - shared :]
    return [*first[: len(first) - shared], *second[: len(second) - shared], *outer[:1]], outer[1:]


def ancestors(number: int, parents: Sequence[int | None]) -> list[int | None]:
    """Return the boxes around one, the innermost first; the last is None, the whole picture."""
    found: list[int | None] = [parents[number]]
    while found[-1] is not None:
        found.append(parents[found[-1]])
    return found


class _Rows:
    """Finds the boxes near a line by the box around them and the horizontal strips they are in.

    The layout leads an edge within the innermost box around both of its ends, so that only the boxes of that one, and those in
    the boxes which the edge enters or leaves, can be in its way.
    """

    height = 200.0

    def __init__(self, nodes: Sequence[PlacedNode], parents: Sequence[int | None]) -> None:
        self.strips: dict[tuple[int | None, int], list[int]] = {}
        for number, (node, parent) in enumerate(zip(nodes, parents, strict=True)):
            for strip in range(self.of(node.y), self.of(node.bottom) + 1):
                self.strips.setdefault((parent, strip), []).append(number)

    def of(self, y: float) -> int:
        """Return the number of the strip at a height."""
        return int(y // self.height)

    def near(self, line: Line, inside: Sequence[int | None]) -> set[int]:
        """Return the boxes directly in those ``inside``, but not these themselves, in the strips that a line runs through."""
        heights = [y for _, y in line]
        strips = range(self.of(min(heights)), self.of(max(heights)) + 1)
        found = {number for box in inside for strip in strips for number in self.strips.get((box, strip), ())}
        return found.difference(box for box in inside if box is not None)


def route(source: PlacedNode, target: PlacedNode, boxes: Sequence[PlacedNode], *, down: bool) -> Line | None:
    """Return a line from the lower border of ``source`` to the upper one of ``target`` past all boxes, or None.

    If edges do not run ``down``, the borders are the right and the left one.
    """
    if not down:
        turned = route(source.turned(), target.turned(), [box.turned() for box in boxes], down=True)
        return None if turned is None else turned_line(turned)
    left, right = min(source.x, target.x) - WINDOW, max(source.right, target.right) + WINDOW
    top, bottom = min(source.y, target.y) - CLEARANCE, max(source.bottom, target.bottom) + CLEARANCE
    near = [box for box in boxes if box.x < right and box.right > left and box.y < bottom and box.bottom > top]
    while (line := _Grid(source, target, near).path()) is not None:
        crossed = [box for box in boxes if box.crossed(line)]  # around a wide box, to where others were not looked at
        if not crossed:
            break
        near += crossed
    return line


def turned_line(line: Line) -> Line:
    """Return a line with its axes exchanged."""
    return tuple((y, x) for x, y in line)


class _Grid:
    """The lines beside the boxes on which an edge may run."""

    def __init__(self, source: PlacedNode, target: PlacedNode, boxes: Sequence[PlacedNode]) -> None:
        starts, ends = thirds(source), thirds(target)
        sides = [x for box in boxes for x in (box.x - CLEARANCE, box.right + CLEARANCE)]
        levels = [y for box in boxes for y in (box.y - CLEARANCE, box.bottom + CLEARANCE)]
        self.xs = sorted({*starts, *ends, *sides})
        self.ys = sorted({source.bottom, target.y, *levels})
        self.columns = [[(b.y, b.bottom) for b in boxes if b.x + TOUCH < x < b.right - TOUCH] for x in self.xs]
        self.rows = [[(b.x, b.right) for b in boxes if b.y + TOUCH < y < b.bottom - TOUCH] for y in self.ys]
        self.starts = [(self.xs.index(x), self.ys.index(source.bottom)) for x in starts]
        self.ends = {(self.xs.index(x), self.ys.index(target.y)) for x in ends}

    def path(self) -> Line | None:
        """Return the cheapest line that begins and ends vertically, or None if there is none."""
        queue = [(0.0, x, y, True) for x, y in self.starts]
        costs = {(x, y, True): 0.0 for x, y in self.starts}
        before: dict[tuple[int, int, bool], tuple[int, int, bool]] = {}
        while queue:
            cost, x, y, vertical = heapq.heappop(queue)
            if (x, y) in self.ends and vertical:
                return self.line((x, y, vertical), before)
            if cost > costs[x, y, vertical]:
                continue
            for nx, ny, upright in ((x - 1, y, False), (x + 1, y, False), (x, y - 1, True), (x, y + 1, True)):
                step = self.length(x, y, nx, ny)
                if step is None:
                    continue
                price = cost + step + (BEND if upright != vertical else 0.0)
                if price < costs.get((nx, ny, upright), float("inf")):
                    costs[nx, ny, upright] = price
                    before[nx, ny, upright] = x, y, vertical
                    heapq.heappush(queue, (price, nx, ny, upright))
        return None

    def length(self, x: int, y: int, nx: int, ny: int) -> float | None:
        """Return the length of a step to a neighbour; None if a box is between, or there is no neighbour."""
        if not (0 <= nx < len(self.xs) and 0 <= ny < len(self.ys)):
            return None
        if x == nx:
            low, high = sorted((self.ys[y], self.ys[ny]))
            taken = self.columns[x]
        else:
            low, high = sorted((self.xs[x], self.xs[nx]))
            taken = self.rows[y]
        return None if any(a < high - TOUCH and b > low + TOUCH for a, b in taken) else high - low

    def line(self, end: tuple[int, int, bool], before: dict[tuple[int, int, bool], tuple[int, int, bool]]) -> Line:
        """Return the line that ends at ``end``, with its corners alone."""
        steps = [end]
        while steps[-1] in before:
            steps.append(before[steps[-1]])
        points = [(self.xs[x], self.ys[y]) for x, y, _ in reversed(steps)]
        inner = [b for a, b, c in zip(points, points[1:], points[2:], strict=False) if not in_line(a, b, c)]
        return (points[0], *inner, points[-1])


def in_line(a: Point, b: Point, c: Point) -> bool:
    """Whether three points are on one horizontal or vertical line."""
    return a[0] == b[0] == c[0] or a[1] == b[1] == c[1]


def thirds(node: PlacedNode) -> list[float]:
    """Return where a line may begin or end at a box."""
    return [node.x + node.width / 4, node.x + node.width / 2, node.x + 3 * node.width / 4]
