"""Sections of a long call: consecutive layers and operations that one box of a picture stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from layercli.inspect.call_tree import CallNode
from layercli.inspect.plot_graph import MOST

Item = CallNode | int
"""The call of a module, or the index of an operation."""
SEVERAL = 4
"""How many sections say more than their model alone."""
LIMIT = 40
"""How many sections are few: the 26 convolutions of a MobileNet and its ends are."""


@dataclass(frozen=True)
class PlotSection:
    """Consecutive items of a call, and what their box is called."""

    title: str
    items: list[Item]

    def node(self, frame: CallNode) -> CallNode:
        """Return the part of the call ``frame`` that the items are."""
        begin, end = self.items[0], self.items[-1]
        start = begin if isinstance(begin, int) else begin.start
        return CallNode(frame.graph, frame.path, start, end + 1 if isinstance(end, int) else end.stop)

    def content(self, frame: CallNode) -> str:
        """Return the most common items by name: ``Conv2D x 4, Add x 2``."""
        names = Counter(
            frame.graph.calls[item].operation if isinstance(item, int) else
            frame.graph.modules[item.path].class_name or item.path
            for item in self.items
        )  # fmt: skip
        return ", ".join(f"{name} x {count:,}" for name, count in names.most_common(3))


def even_sections(items: Sequence[Item]) -> tuple[list[PlotSection], str]:
    """Return sections of equal length, and the note that says so."""
    size = -(-len(items) // (MOST // 10))
    starts = range(0, len(items), size)
    found = [list(items[start : start + size]) for start in starts]
    titles = [f"{start + 1:,} to {start + len(each):,}" for start, each in zip(starts, found, strict=True)]
    note = f"{len(items):,} operations and modules are shown {size:,} at a time, as they run (--focus shows a part)"
    return [PlotSection(title, each) for title, each in zip(titles, found, strict=True)], note


def named_sections(items: Sequence[Item]) -> tuple[list[PlotSection], str] | None:
    """Return sections of layers whose names begin with the same words, as many words as leave few; None if
    no number of words gives several but few.

    The layers of a functional model are all in one list: ``block_1_expand`` and ``block_1_project`` are of ``block_1``. An
    operation belongs to the layer before it.
    """
    names = [item.path.rpartition("/")[2] if isinstance(item, CallNode) else "" for item in items]
    for words in (3, 2, 1):
        found: list[PlotSection] = []
        for item, name in zip(items, names, strict=True):
            title = "_".join(name.split("_")[:words]) or (found[-1].title if found else "")
            if not (found and found[-1].title == title):
                found.append(PlotSection(title, []))
            found[-1].items.append(item)
        if SEVERAL <= len(found) <= LIMIT:
            return found, "layers whose names begin alike are one box (--depth 1 shows each)"
    return None
