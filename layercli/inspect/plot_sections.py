"""Sections of a long call: consecutive layers and operations that one box of a picture stands for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, groupby, takewhile
from operator import itemgetter
from typing import Any

from layercli.core.naming import snake_case
from layercli.dataclass import dataclass
from layercli.inspect.call_tree import CallNode
from layercli.inspect.plot_graph import FEW, MOST
from layercli.inspect.value_flow import ValueFlow

Item = CallNode | int
"""The call of a module, or the index of an operation."""
SEVERAL = 4
"""How many sections say more than their model alone."""
TIMES = "\N{MULTIPLICATION SIGN}"
TO = " to "
"""Between the first and the last name that a section stands for."""
LIMIT = 40
"""How many sections are few: the 26 convolutions of a MobileNet and its ends are."""


@dataclass(frozen=True)
class PlotSection:
    """Consecutive items of a call, and what their box is called."""

    title: str
    items: list[Item]
    repeats: int = 1
    """How many equal blocks it is, one after another."""

    def node(self, frame: CallNode) -> CallNode:
        """Return the part of the call ``frame`` that the items are."""
        begin, end = self.items[0], self.items[-1]
        start = begin if isinstance(begin, int) else begin.start
        return CallNode(frame.graph, frame.path, start, end + 1 if isinstance(end, int) else end.stop)

    def content(self, frame: CallNode) -> str:
        """Return the most common items by name, of one block: ``Conv2D x 4, Add``."""
        return commonest(
            frame.graph.calls[item].operation if isinstance(item, int) else
            frame.graph.modules[item.path].class_name or item.path
            for item in self.items[: len(self.items) // self.repeats]
        )  # fmt: skip


def commonest(names: Iterable[str]) -> str:
    """Return the three most common names, each with how often it is there.

    >>> commonest(["Conv2D", "Add", "Conv2D"])
    'Conv2D \N{MULTIPLICATION SIGN} 2, Add'
    """
    found = Counter(names).most_common(3)
    return ", ".join(f"{name} {TIMES} {count:,}" if count > 1 else name for name, count in found)


def even_sections(items: Sequence[Item]) -> tuple[list[PlotSection], str]:
    """Return sections of equal length, and the note that says so."""
    size = -(-len(items) // (MOST // 10))
    starts = range(0, len(items), size)
    found = [list(items[start : start + size]) for start in starts]
    titles = [f"{start + 1:,} to {start + len(each):,}" for start, each in zip(starts, found, strict=True)]
    note = f"{len(items):,} operations and modules are shown {size:,} at a time, as they run (--focus shows a part)"
    return [PlotSection(title, each) for title, each in zip(titles, found, strict=True)], note


def sections_of(items: Sequence[Item], flow: ValueFlow) -> tuple[list[PlotSection], str] | None:
    """Return the sections by name if those are few, else those between narrow places, else the ones by name; None for neither."""
    named = named_sections(items)
    if named is not None and len(named[0]) < FEW:
        return named
    return narrow_sections(items, flow) or named


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


def narrow_sections(items: Sequence[Item], flow: ValueFlow) -> tuple[list[PlotSection], str] | None:
    """Return sections that end where few values flow on, as between the blocks of an Inception network, if those are few.

    Layers one after another, each of which takes what the one before gives, are one section, and so are equal blocks.
    """
    ends = [item + 1 if isinstance(item, int) else item.stop for item in items]
    for width, values in ((1, "one value flows"), (2, "two values flow")):
        parts: list[list[Item]] = [[]]
        for item, end in zip(items, ends, strict=True):
            parts[-1].append(item)
            if flow.live[end] <= width:
                parts.append([])
        blocks = chained([each for each in parts if each])
        found = [equal_blocks(each, flow) for each in runs(blocks, flow)]
        if len(blocks) >= SEVERAL and len(found) <= LIMIT:
            return found, f"a box holds the layers between two places where {values} on (--depth 1 shows each)"
    return None


def chained(parts: list[list[Item]]) -> list[list[Item]]:
    """Return the parts with those of one item that follow each other as one; a single one belongs to the part before it."""
    found: list[list[Item]] = []
    for _, group in groupby(enumerate(parts), lambda each: -1 if len(each[1]) == 1 else each[0]):
        items = [item for _, part in group for item in part]
        if len(items) == 1 and found:
            found[-1] += items
        else:
            found.append(items)
    return found


def runs(parts: list[list[Item]], flow: ValueFlow) -> list[list[list[Item]]]:
    """Return the parts grouped into runs of equal ones: of the same layers and operations with results of the same shapes."""
    calls, values = flow.graph.calls, flow.graph.values

    def content(part: list[Item]) -> Any:
        return [
            (calls[item].operation, [values[place].spec for place in calls[item].outputs])
            if isinstance(item, int)
            else item.content
            for item in part
        ]

    return [
        [part for _, part in group] for _, group in groupby(((content(each), each) for each in parts), itemgetter(0))
    ]


def equal_blocks(parts: list[list[Item]], flow: ValueFlow) -> PlotSection:
    """Return the section of a run of equal parts."""
    first, last = title_of(parts[0], flow), title_of(parts[-1], flow)
    title = first if first == last else f"{first.partition(TO)[0]}{TO}{last.rpartition(TO)[2]}"
    return PlotSection(title, [*chain(*parts)], len(parts))


def title_of(items: list[Item], flow: ValueFlow) -> str:
    """Return what the names that an author gave begin with, or the name of the layer in which branches end; else the first
    name and the last.
    """
    names = [
        flow.graph.calls[item].operation if isinstance(item, int) else item.path.rpartition("/")[2] for item in items
    ]
    given = [
        name for item, name in zip(items, names, strict=True) if not isinstance(item, int) and is_given(item, name)
    ]
    if given:
        words = zip(*(name.split("_") for name in given), strict=False)
        shared = "_".join(each[0] for each in takewhile(lambda each: len({*each}) == 1, words))
        merges = isinstance(items[-1], CallNode) and len(items[-1].takes()) > 1
        names = [shared] if shared else given[-1:] if merges else given
    return names[0] if names[0] == names[-1] else f"{names[0]}{TO}{names[-1]}"


def is_given(node: CallNode, name: str) -> bool:
    """Whether a layer has another name than its class with a number, as in ``conv2d_12``."""
    cls = node.graph.modules[node.path].class_name or ""
    return re.fullmatch(rf"{snake_case(cls)}(_\d+)?", name) is None
