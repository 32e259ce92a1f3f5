"""The layers of a summary as a tree, of which ``layercli explore`` shows those that are open."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import field

from layercli.dataclass import dataclass
from layercli.inspect.summary import Row
from layercli.render.tree_guides import names_below


@dataclass
class LayerNode:
    """A layer in the tree: its row, its name below the layer that holds it, the layers in it, and its index in the model."""

    row: Row | None
    name: str = ""
    below: list[LayerNode] = field(default_factory=list)
    index: int = -1


def nested(rows: list[Row]) -> LayerNode:
    """Return the layers as a tree, in their order."""
    root = LayerNode(None)
    above = {0: root}
    names = names_below([row.path for row in rows], [row.depth for row in rows])
    for index, (row, name) in enumerate(zip(rows, names, strict=True)):
        node = LayerNode(row, name, index=index)
        above[max(depth for depth in above if depth < row.depth)].below.append(node)
        above = {depth: each for depth, each in above.items() if depth < row.depth} | {row.depth: node}
    return root


@dataclass
class TreeLine:
    """A line of the tree: the guide before its name, and what the guides of the lines below it start with."""

    node: LayerNode
    guide: str = ""
    indent: str = ""


class TreeLines:
    """The lines of a tree: the root, and the layers in each layer that is open.

    >>> lines = TreeLines(LayerNode(None, "net", [LayerNode(None, "a", [LayerNode(None, "b")]), LayerNode(None, "c")]))
    >>> lines.toggle(1)
    >>> [line.guide + line.node.name for line in lines.lines]
    ['net', '├ ▼ a', '│ └ b', '└ c']
    """

    def __init__(self, root: LayerNode) -> None:
        self.lines = [TreeLine(root)]
        self.open(0)

    def open(self, at: int) -> None:
        """Add the lines of the layers in the one at line ``at``, if they are not there."""
        line = self.lines[at]
        if self.is_open(at) or not (below := line.node.below):
            return
        line.guide = line.guide.replace("▶", "▼")
        lines = [TreeLine(node, f"{line.indent}├ {'▶ ' if node.below else ''}", f"{line.indent}│ ") for node in below]
        lines[-1].guide = f"{line.indent}└ {'▶ ' if below[-1].below else ''}"
        lines[-1].indent = f"{line.indent}  "
        self.lines[at + 1 : at + 1] = lines

    def is_open(self, at: int) -> bool:
        """Whether the layers in the one at line ``at`` are there."""
        return at + 1 < len(self.lines) and len(self.lines[at + 1].indent) > len(self.lines[at].indent)

    def toggle(self, at: int) -> None:
        """Open a layer, or close it."""
        if not self.is_open(at):
            self.open(at)
            return
        line = self.lines[at]
        line.guide = line.guide.replace("▼", "▶")
        end = at + 1
        while end < len(self.lines) and len(self.lines[end].indent) > len(line.indent):
            end += 1
        del self.lines[at + 1 : end]

    def reveal(self, index: int) -> int:
        """Return the line of the layer ``index`` of the model, with all above it open."""
        # lines are in the order of the model: the last one up to a layer is that layer, or one that holds it
        while True:
            at = bisect_right(self.lines, index, key=lambda line: line.node.index) - 1
            if self.lines[at].node.index == index:
                return at
            self.open(at)
