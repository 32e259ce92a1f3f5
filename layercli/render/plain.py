"""Tables as plain text: aligned columns, nothing truncated, no colour, no boxes."""

from __future__ import annotations

from layercli.render.table import Table
from layercli.render.text_width import padded_column


def draw(table: Table) -> str:
    """Return the table's title, header, rows, facts and notes as lines of text."""
    table = table.printable()
    lines = [table.title, ""] if table.title else []
    if table.columns:
        lines += aligned(
            [[column.title for column in table.columns], *table.cells()], [c.numeric for c in table.columns]
        )
    if table.facts:
        lines += [""] if table.columns else []
        lines += aligned([[f"{name}:", text] for name, text in table.facts], [False, False])
    if table.notes:
        lines += ["", *table.notes]
    return "\n".join(lines) + "\n"


def aligned(rows: list[list[str]], right: list[bool]) -> list[str]:
    """Return one line per row; cells are padded to the widest of their column and separated by two spaces."""
    columns = [
        padded_column(cells, right=at_right) for cells, at_right in zip(zip(*rows, strict=True), right, strict=True)
    ]
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
