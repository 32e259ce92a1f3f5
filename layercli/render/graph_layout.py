"""Where the boxes of a graph are drawn and how its edges run: the one place that knows the layout library.

graphlay is a layered layout (Sugiyama) with nested boxes and orthogonal edges, the same in every run. It is a single wheel
without dependencies or system programs; the drawing is our own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from layercli.dataclass import dataclass
from layercli.render.edge_routes import Line, PlacedNode, rerouted, turned_line
from layercli.render.empty_bands import closed_up

TREE_GAP, LEAF_GAP = 44.0, 10.0
"""Space between the columns of a tree, and between the boxes of one."""
GAP, PADDING = 26.0, 14.0
"""Space between two layers of a graph that runs down, and inside a frame."""


@dataclass(frozen=True)
class LayoutNode:
    """A box to place: its size, and the number of the box around it. The size of one that has others inside follows from them."""

    width: float
    height: float
    parent: int | None = None


@dataclass(frozen=True)
class GraphLayout:
    """The boxes in the order they were given, each edge as a line from border to border, and the size of the whole."""

    nodes: tuple[PlacedNode, ...]
    edges: tuple[Line, ...]
    width: float
    height: float


def lay_out(
    nodes: Sequence[LayoutNode], edges: Sequence[tuple[int, int]], *, header: float = 0.0, down: bool = True
) -> GraphLayout:
    """Return where the boxes and edges of a graph are drawn, with ``header`` free above what is inside a box.

    Edges run ``down``, or to the right. Sizes are in the units of the nodes' sizes.
    """
    import graphlay

    if not nodes:
        return GraphLayout((), (), 0.0, 0.0)
    graph = {
        "nodes": [
            {
                "size": {"width": node.width, "height": node.height},
                "shape": "box",
                "key": str(number),
                **({} if node.parent is None else {"parent": node.parent}),
            }
            for number, node in enumerate(nodes)
        ],
        "edges": [{"source": source, "target": target, "weight": 1.0} for source, target in edges],
    }
    options = {
        "direction": "topbottom" if down else "leftright",
        "spacing": {
            "layer_gap": GAP if down else TREE_GAP,
            "node_gap": 20.0 if down else 10.0,
            "dummy_gap": 16.0,
            "port_gap": 12.0,
            "stub": 9.0,
            "compound_padding": PADDING,
            "compound_header": header,
        },
    }
    request = {"graph": graph, "preset": "layered", "options": options}
    found = json.loads(graphlay._native.layout(json.dumps(request)))
    placed = read(found)
    parents = [node.parent for node in nodes]
    lines = rerouted(placed.nodes, parents, edges, placed.edges, down=down)
    if down:
        return enclosing(*closed_up(placed.nodes, lines, parents, edges, gap=GAP, pad=PADDING, header=header + GAP))
    turned = [node.turned() for node in placed.nodes], [turned_line(line) for line in lines]
    boxes, lines = closed_up(*turned, parents, edges, gap=TREE_GAP, pad=PADDING, header=0.0)
    return enclosing([box.turned() for box in boxes], [turned_line(line) for line in lines])


def lay_out_tree(nodes: Sequence[LayoutNode], edges: Sequence[tuple[int, int]]) -> GraphLayout:
    """Return a tree that grows to the right: a column for each level, a parent in the middle of its children.

    The layout library would let edges leave at the top and the bottom of a box with many children. ``edges`` go from parents to
    children, the nodes of a level in order; the boxes of a column begin at the same x.
    """
    if not nodes:
        return GraphLayout((), (), 0.0, 0.0)
    below: dict[int, list[int]] = {}
    for parent, child in edges:
        below.setdefault(parent, []).append(child)
    order = downwards(len(nodes), below)
    levels = [0] * len(nodes)
    for number in order:
        for child in below.get(number, []):
            levels[child] = levels[number] + 1
    widths = [0.0] * (max(levels) + 1)
    for node, level in zip(nodes, levels, strict=True):
        widths[level] = max(widths[level], node.width)
    starts = [sum(widths[:level]) + level * TREE_GAP for level in range(len(widths))]
    middles: dict[int, float] = {}
    bottom = 0.0
    for number in reversed(order):
        if number in below:
            middles[number] = (middles[below[number][0]] + middles[below[number][-1]]) / 2
        else:
            middles[number] = bottom + nodes[number].height / 2
            bottom += nodes[number].height + LEAF_GAP
    placed = [
        PlacedNode(starts[levels[number]], middles[number] - node.height / 2, node.width, node.height)
        for number, node in enumerate(nodes)
    ]
    return enclosing(
        placed, [elbow(placed[parent], placed[child], starts[levels[child]] - TREE_GAP / 2) for parent, child in edges]
    )


def downwards(count: int, below: Mapping[int, list[int]]) -> list[int]:
    """Return the numbers of the nodes of trees, each parent before its children, and the last child before the others."""
    children = {child for each in below.values() for child in each}
    found, waiting = [], [number for number in range(count) if number not in children]
    while waiting:
        found.append(waiting.pop())
        waiting += below.get(found[-1], [])
    return found


def elbow(parent: PlacedNode, child: PlacedNode, x: float) -> Line:
    """Return the line from the right border of a box to the left one of another, with its vertical piece at ``x``."""
    start, end = (parent.right, parent.y + parent.height / 2), (child.x, child.y + child.height / 2)
    return (start, end) if abs(start[1] - end[1]) < 0.5 else (start, (x, start[1]), (x, end[1]), end)


def read(found: dict[str, Any]) -> GraphLayout:
    """Return what the library found."""
    nodes = tuple(
        PlacedNode(
            node["center"]["x"] - node["size"]["width"] / 2,
            node["center"]["y"] - node["size"]["height"] / 2,
            node["size"]["width"],
            node["size"]["height"],
        )
        for node in found["nodes"]
    )
    edges = tuple(straight([(point["x"], point["y"]) for point in edge["points"]]) for edge in found["edges"])
    return GraphLayout(nodes, edges, 0.0, 0.0)


def straight(points: Sequence[tuple[float, float]]) -> Line:
    """Return a line with its pieces horizontal or vertical, from which the library's differ by less than a pixel.

    >>> straight([(0, 5), (0.3, 9), (7, 8.7)])
    ((0, 5), (0, 9), (7, 9))
    """
    found = [points[0]]
    for x, y in points[1:]:
        before_x, before_y = found[-1]
        found.append((before_x if abs(x - before_x) < 1 else x, before_y if abs(y - before_y) < 1 else y))
    return tuple(found)


def enclosing(nodes: Sequence[PlacedNode], lines: Sequence[Line]) -> GraphLayout:
    """Return a layout moved so that all of it begins at 0, 0, with its size."""
    points = [point for line in lines for point in line]
    left = min([node.x for node in nodes] + [x for x, _ in points])
    top = min([node.y for node in nodes] + [y for _, y in points])
    right = max([node.x + node.width for node in nodes] + [x for x, _ in points])
    bottom = max([node.y + node.height for node in nodes] + [y for _, y in points])
    return GraphLayout(
        tuple(PlacedNode(node.x - left, node.y - top, node.width, node.height) for node in nodes),
        tuple(tuple((x - left, y - top) for x, y in line) for line in lines),
        right - left,
        bottom - top,
    )
