"""Tables as plain text: aligned columns, nothing truncated, no colour, no boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layercli.render.table import Table
from layercli.render.text_width import padded_column, widest

AT_ONCE = 50_000
"""How many rows of a table are drawn at the same time."""
MOST_KEPT = 250_000
"""The maximum number of rows whose texts are kept between the computation of the widths and the drawing."""


def draw(table: Table) -> str:
    """Return the table's title, header, rows, facts and notes as lines of text."""
    return "".join(parts(table))


def parts(table: Table) -> Iterator[str]:
    """Yield the text in parts, so that of a table with a million rows few are texts at once."""
    table = table.printable()
    if table.title:
        yield f"{table.title}\n\n"
    if table.columns:
        yield from rows(table)
    if table.facts:
        lines = aligned([[f"{name}:" for name, _ in table.facts], [text for _, text in table.facts]], [False, False])
        yield f"\n{lines}" if table.columns else lines
    if table.notes:
        yield "\n" + "".join(f"{note}\n" for note in table.notes)


def rows(table: Table) -> Iterator[str]:
    """Yield the lines of the titles and the rows; the texts of more than ``MOST_KEPT`` rows are made twice, to save memory."""
    right = [column.numeric for column in table.columns]
    titles = [[column.title] for column in table.columns]
    kept = list(blocks(table)) if len(table.rows) <= MOST_KEPT else None
    widths = list(map(widest, titles))
    for texts in kept or blocks(table):
        widths = [max(width, widest(cells)) for width, cells in zip(widths, texts, strict=True)]
    yield aligned(titles, right, widths)
    for texts in kept or blocks(table):
        yield aligned(texts, right, widths)


def blocks(table: Table) -> Iterator[list[list[str]]]:
    """Yield the texts of so many rows, those of each column together."""
    return (table.texts(table.rows[start : start + AT_ONCE]) for start in range(0, len(table.rows), AT_ONCE))


def aligned(columns: Sequence[Sequence[str]], right: list[bool], widths: Sequence[int] = ()) -> str:
    """Return one line per row: cells are padded to the widest of their column, or to ``widths``, and separated by two spaces."""
    padded = [
        padded_column(cells, right=at_right, width=width)
        for cells, at_right, width in zip(columns, right, widths or [0] * len(columns), strict=True)
    ]
    return "".join(f"{line}\n" for line in map(str.rstrip, map("  ".join, zip(*padded, strict=True))))
