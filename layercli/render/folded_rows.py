"""Fold the rows of a summary: one row for each run of equal layers, and of very many one for each type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from layercli.core import dims
from layercli.inspect.repeats import path_of_run, runs_of_equal
from layercli.inspect.summary import Row

MOST_ROWS = 2000
"""How many rows are shown of layers that are not alike."""
MORE = " more"
"""The end of the path of a row for those beyond."""


def folded(rows: list[Row]) -> list[Row]:
    """Return the rows to show: one for each run of equal layers, and of more than ``MOST_ROWS`` one for each type at the end."""
    rows = collapse_repeats(rows)
    if len(rows) <= MOST_ROWS:
        return rows
    kept: list[Row] = []
    rest: dict[str | None, list[Row]] = {}
    parts = blocks(rows)
    room = MOST_ROWS - len({block[0].cls for block in parts})
    for block in parts:
        if not rest and len(kept) + len(block) <= room:
            kept += block
        else:
            rest.setdefault(block[0].cls, []).append(block[0])
    return [*kept, *map(of_one_type, rest.values())]


def of_one_type(rows: list[Row]) -> Row:
    """Return the row of unlike layers of one type: their number, and the sums of their figures."""
    count = sum(row.repeats for row in rows)
    return replace(
        together(tuple(rows)),
        path=f"{count:,}{MORE}",
        parameters=known_sum((row.parameters, row.repeats) for row in rows),
        trainable=known_sum((row.trainable, row.repeats) for row in rows),
        macs=dims.total(row.repeats * row.macs for row in rows),
        repeats=1,
        input_shape=None,
        output_shape=None,
        variables={},
        shared=False,
        shared_with=[],
    )


def known_sum(figures: Iterable[tuple[int | None, int]]) -> int | None:
    """Return the sum of figures, each so many times; None where one of them is unknown."""
    total = 0
    for figure, times in figures:
        if figure is None:
            return None
        total += figure * times
    return total


def collapse_repeats(rows: list[Row]) -> list[Row]:
    """Collapse each run of equal numbered siblings, and everything below them, into one row: ``blocks/0..125``."""
    kept: list[Row] = []
    for block in runs_of_equal(blocks(rows), lambda each: each[0].path, content_of):
        head, *below = block[0] if len(block) == 1 else map(together, zip(*block, strict=True))
        kept += [replace(head, path=path_of_run(head.path, block[-1][0].path)), *collapse_repeats(below)]
    return kept


def together(equal: tuple[Row, ...]) -> Row:
    """Return the row of equal layers: the figures of one, the share of all."""
    counted = sum(row.new_parameters for row in equal)
    return replace(equal[0], counted=counted, repeats=sum(row.repeats for row in equal))


def blocks(rows: list[Row]) -> list[list[Row]]:
    """Return each row of the lowest depth together with its descendants."""
    found: list[list[Row]] = []
    for row in rows:
        if not found or row.depth <= found[0][0].depth:
            found.append([])
        found[-1].append(row)
    return found


def content_of(block: list[Row]) -> list[object]:
    """Return what equal layers have in common, with those below them: all but their paths."""
    start = len(block[0].path)
    return [
        (row.path[start:], row.cls, row.input_shape, row.output_shape, row.parameters, row.macs, bool(row.shared_with))
        for row in block
    ]
