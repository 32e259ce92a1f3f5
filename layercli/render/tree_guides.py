"""The guides of a tree before the names of its rows: ``├─ attention``."""

from __future__ import annotations

from collections.abc import Sequence

BRANCH, LAST, PASSING, NOTHING = "├─ ", "└─ ", "│  ", "   "


def guides(depths: Sequence[int]) -> list[str]:
    """Return what stands before each row of a tree, its rows in order with their depths; the first level has no guide.

    >>> guides([1, 2, 3, 2, 1])
    ['', '├─ ', '│  └─ ', '└─ ', '']
    """
    found, open_levels = [], set[int]()  # read from the end: a level is open above if a row of it follows
    for depth in reversed(depths):
        passing = [PASSING if level in open_levels else NOTHING for level in range(2, depth)]
        found.append("".join([*passing, BRANCH if depth in open_levels else LAST]) if depth > 1 else "")
        open_levels = {level for level in open_levels if level < depth} | {depth}
    return found[::-1]


def names_below(paths: Sequence[str], depths: Sequence[int]) -> list[str]:
    """Return each path without that of the row above it in the tree; of a folded row ``blocks/0..3`` that is ``blocks/0``.

    >>> names_below(["blocks/0..3", "blocks/0/mlp", "blocks/0/mlp/up", "norm"], [1, 2, 3, 1])
    ['blocks/0..3', 'mlp', 'up', 'norm']
    """
    found, above = [], dict[int, str]()
    for path, depth in zip(paths, depths, strict=True):
        parent = above.get(depth - 1)
        found.append(path.removeprefix(f"{parent}/") if parent else path)
        above[depth] = path.partition("..")[0]
    return found
