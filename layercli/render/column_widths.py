"""How wide the columns of a table are on a terminal, and which are left out, so that a row is one line."""

from __future__ import annotations

from layercli.dataclass import dataclass
from layercli.render.table import Column, Table
from layercli.render.text_width import text_width

GAP = 2
NAMED = 100
"""What ``yields`` of a column is increased by that the command line names: texts are rather cut than that it is left out."""

BAR = 8
"""The least width of the bar of a share."""

SHORTEST, LAST_RESORT = 24, 8
"""Down to how many characters texts are cut, and down to how many before a column that matters is left out."""


@dataclass
class FittedTable:
    """A table without the columns that have no room, its cells as texts, and the width of each column.

    ``cut``: a text is longer than its column. ``bars`` are the widths of the bars beside shares, part of their columns.
    """

    table: Table
    cells: list[list[str]]
    widths: list[int]
    cut: bool
    bars: list[int]


@dataclass
class Extent:
    """The place of a column, the width that it wants, and the least that it can have."""

    place: int
    wanted: int
    least: int
    last: int


def fitted(table: Table, width: int) -> FittedTable:
    """Return ``table`` as it fits ``width``: the columns that yield are left out first, the first column never."""
    cells = table.cells()
    extents = [extent(i, column, [row[i] for row in cells]) for i, column in enumerate(table.columns)]
    kept, last = kept_of(table, extents, width)
    widths = shared_out(kept, width, last)
    places = {each.place for each in kept}
    if left_out := [each.place for each in extents if each.place not in places]:
        table = table.without(left_out)
        cells = [[row[each.place] for each in kept] for row in cells]
    folds = [column.folds for column in table.columns]
    cut = any(each.wanted > w and not f for each, w, f in zip(kept, widths, folds, strict=True))
    return FittedTable(table, cells, cut=cut, **with_bars(table, cells, widths, width))


def with_bars(table: Table, cells: list[list[str]], widths: list[int], width: int) -> dict[str, list[int]]:
    """Return the widths with room for bars, and that of each bar: beside the texts, or else in what is left of ``width``."""
    spare, found, bars = width - sum(widths) - GAP * (len(widths) - 1), list(widths), [0] * len(widths)
    for i, column in enumerate(table.columns):
        if column.bar:
            text = max((text_width(row[i]) for row in cells), default=0)
            more = max(text + 1 + BAR - widths[i], 0)
            if more <= spare:
                found[i], bars[i], spare = widths[i] + more, widths[i] + more - text - 1, spare - more
    return {"widths": found, "bars": bars}


def extent(place: int, column: Column, cells: list[str]) -> Extent:
    """Return what a column wants and needs: prose and formulas fold at spaces, numbers stand whole, other texts are cut."""
    wanted = max(map(text_width, [column.title, *cells]))
    if column.folds:
        words = max((text_width(word) for cell in [column.title, *cells] for word in cell.split()), default=0)
        return Extent(place, wanted, min(words, SHORTEST), min(words, LAST_RESORT))
    if column.numeric:
        return Extent(place, wanted, wanted, wanted)
    least = max(column.shortens or SHORTEST, text_width(column.title))
    return Extent(place, wanted, min(wanted, least), min(wanted, LAST_RESORT))


def kept_of(table: Table, extents: list[Extent], width: int) -> tuple[list[Extent], bool]:
    """Return the columns that there is room for, and whether texts have to be cut more than usual for it."""
    yields = {each.place: table.columns[each.place].yields for each in extents}
    yielding = sorted((each for each in extents if 0 < yields[each.place] < NAMED), key=lambda each: yields[each.place])
    kept = list(extents)
    while least_width(kept, False) > width and yielding:
        kept.remove(yielding.pop(0))
    if least_width(kept, False) <= width:
        return kept, False
    while least_width(kept, True) > width and len(kept) > 1:
        kept.pop()
    return kept, True


def least_width(extents: list[Extent], last: bool) -> int:
    """Return the least width of these columns together."""
    return sum(each.last if last else each.least for each in extents) + GAP * (len(extents) - 1)


def shared_out(extents: list[Extent], width: int, last: bool) -> list[int]:
    """Return the width of each column: what is left over goes to those that want more, the first ones first."""
    found = [each.last if last else each.least for each in extents]
    spare = width - sum(found) - GAP * (len(found) - 1)
    for i, each in enumerate(extents):
        more = min(each.wanted - found[i], max(spare, 0))
        found[i] += more
        spare -= more
    return found if len(found) > 1 else [min(found[0], width)]
