"""Where the boxes of a graph are drawn and how its edges run: the one place that knows the layout library.

graphlay is a layered layout (Sugiyama) with nested boxes and orthogonal edges, the same in every run. It is a single wheel
without dependencies or system programs; the drawing is our own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layercli.render.edge_routes import Line, PlacedNode, rerouted


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
            "layer_gap": 26.0 if down else 44.0,
            "node_gap": 20.0 if down else 10.0,
            "dummy_gap": 16.0,
            "port_gap": 12.0,
            "stub": 9.0,
            "compound_padding": 14.0,
            "compound_header": header,
        },
    }
    request = {"graph": graph, "preset": "layered", "options": options}
    found = json.loads(graphlay._native.layout(json.dumps(request)))
    placed = read(found)
    lines = rerouted(placed.nodes, [node.parent for node in nodes], edges, placed.edges, down=down)
    return enclosing(placed.nodes, lines)


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
    edges = tuple(tuple((point["x"], point["y"]) for point in edge["points"]) for edge in found["edges"])
    return GraphLayout(nodes, edges, 0.0, 0.0)


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
