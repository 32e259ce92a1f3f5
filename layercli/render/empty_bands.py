"""Take empty space out of a layout: below the last box in a frame, and in bands that only lines along them cross."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from layercli.render.edge_routes import Line, PlacedNode, ancestors


def closed_up(
    nodes: Sequence[PlacedNode],
    lines: Sequence[Line],
    parents: Sequence[int | None],
    edges: Sequence[tuple[int, int]],
    *,
    gap: float,
    pad: float,
    header: float,
) -> tuple[list[PlacedNode], list[Line]]:
    """Return the boxes and lines of a layout that runs down without empty bands higher than ``gap``.

    A frame ends ``pad`` below the last of what is in it, and keeps ``header`` free at its top. No two things change sides, so
    nothing overlaps that did not.
    """
    nodes = with_frames_cut(nodes, lines, parents, edges, pad)
    frames = set(parents)
    taken = [(y, y) for line in lines for _, y in line]
    for number, node in enumerate(nodes):
        taken += [(node.y, node.y + header), (node.bottom,) * 2] if number in frames else [(node.y, node.bottom)]
    moved = shift_of(taken, gap)
    return (
        [PlacedNode(n.x, moved(n.y), n.width, moved(n.bottom) - moved(n.y)) for n in nodes],
        [tuple((x, moved(y)) for x, y in line) for line in lines],
    )


def with_frames_cut(
    nodes: Sequence[PlacedNode],
    lines: Sequence[Line],
    parents: Sequence[int | None],
    edges: Sequence[tuple[int, int]],
    pad: float,
) -> list[PlacedNode]:
    """Return the boxes with each frame ending ``pad`` below the last box or line that is all in it."""
    lowest: dict[int, float] = {}
    for (source, target), line in zip(edges, lines, strict=True):
        for frame in {*ancestors(source, parents)} & {*ancestors(target, parents)} - {None}:
            lowest[frame] = max([lowest.get(frame, 0.0), *(y for _, y in line)])  # type: ignore[index, arg-type]  # not None
    found = list(nodes)
    for number in sorted(range(len(nodes)), key=lambda each: -len(ancestors(each, parents))):
        if number in lowest or number in parents:
            node = found[number]
            found[number] = PlacedNode(node.x, node.y, node.width, min(lowest[number] + pad, node.bottom) - node.y)
        parent = parents[number]
        if parent is not None:
            lowest[parent] = max(lowest.get(parent, 0.0), found[number].bottom)
    return found


def shift_of(taken: Sequence[tuple[float, float]], gap: float) -> Callable[[float], float]:
    """Return where each y goes when what is between two intervals of ``taken`` is at most ``gap`` high."""
    ends: list[float] = []
    shifts: list[float] = []
    reached, shift = min((start for start, _ in taken), default=0.0), 0.0
    for start, stop in sorted(taken):
        if start - reached > gap:
            shift += start - reached - gap
            ends.append(start)
            shifts.append(shift)
        reached = max(reached, stop)

    def moved(y: float) -> float:
        place = bisect_right(ends, y)
        return y - (shifts[place - 1] if place else 0.0)

    return moved
