"""The layers of a summary as a tree, which ``layercli explore`` opens level by level."""

from __future__ import annotations

from dataclasses import field

from layercli.dataclass import dataclass
from layercli.inspect.summary import Row
from layercli.render.tree_guides import names_below


@dataclass
class LayerNode:
    """A layer in the tree: its row, its name below the layer that holds it, and the layers in it."""

    row: Row | None
    name: str = ""
    below: list[LayerNode] = field(default_factory=list)


def nested(rows: list[Row]) -> LayerNode:
    """Return the layers as a tree, in their order."""
    root = LayerNode(None)
    above = {0: root}
    names = names_below([row.path for row in rows], [row.depth for row in rows])
    for row, name in zip(rows, names, strict=True):
        node = LayerNode(row, name)
        above[max(depth for depth in above if depth < row.depth)].below.append(node)
        above = {depth: each for depth, each in above.items() if depth < row.depth} | {row.depth: node}
    return root
