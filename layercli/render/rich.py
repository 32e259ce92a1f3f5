"""Tables on a terminal, fitted to its width with Rich: folded where text may fold, else each row as a record."""

from __future__ import annotations

import textwrap

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from layercli.render.table import Table

GAP = 2


def draw(table: Table, console: Console) -> None:
    """Print the table: a title, the rows, facts below, notes last, an empty line between."""
    table = table.printable()
    parts: list[RenderableType] = []
    if table.title:
        parts.append(Text(table.title, style="bold"))
    if table.columns and table.rows:
        table = narrowed(table, console.width)
        fits = least_width(table) <= console.width
        parts.append(grid(table) if fits else records(table, console.width))
    if table.facts:
        parts.append(facts(table.facts, console.width, table.styles))
    if table.notes:
        parts.append(Group(*map(Text, table.notes)))
    spaced = [line for part in parts for line in (Text(""), part)][1:]
    console.print(Group(*spaced))


def narrowed(table: Table, width: int) -> Table:
    """Return the table without as many of the columns that yield as make it fit, or as it is where none would."""
    yielding = sorted((column.yields, i) for i, column in enumerate(table.columns) if column.yields)
    for count in range(len(yielding) + 1):
        tried = table.without([i for _, i in yielding[:count]]) if count else table
        if least_width(tried) <= width:
            return tried
    return table


def least_width(table: Table) -> int:
    """Return the columns the table takes when every text that may fold is folded at its spaces."""
    return sum(least_widths(table)) + GAP * (len(table.columns) - 1)


def least_widths(table: Table) -> list[int]:
    """Return the least width of each column: of its longest cell, or of its longest word where it folds."""
    titles = [column.title for column in table.columns]
    columns = zip(*[titles, *table.cells()], strict=True)
    return [
        max(len(word) for cell in cells for word in (cell.split() or [""] if column.folds else [cell]))
        for column, cells in zip(table.columns, columns, strict=True)
    ]


def grid(table: Table) -> RichTable:
    """Return the Rich table of the rows."""
    drawn = RichTable(
        box=box.SIMPLE_HEAD, header_style="bold", padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False
    )
    for column, width in zip(table.columns, least_widths(table), strict=True):
        drawn.add_column(
            column.title, justify="right" if column.numeric else "left", no_wrap=not column.folds, min_width=width
        )
    for row in table.cells():
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn


def records(table: Table, width: int) -> Group:
    """Return each row as its first cell and, below it, a line for each of the others."""
    first, *others = table.columns
    blocks: list[RenderableType] = [Text(first.title, style="bold")]
    for cells in table.cells():
        named = [(f"  {column.title}", cell) for column, cell in zip(others, cells[1:], strict=True)]
        blocks += [Text(cells[0]), facts(named, width)]
    return Group(*blocks)


def facts(pairs: list[tuple[str, str]], width: int, styles: dict[str, str] | None = None) -> Group:
    """Return each pair with its name dim, or in its style, and its text folded beside it, all texts beginning in one column."""
    indent = max(len(name) for name, _ in pairs) + 1 + GAP
    folded = [
        (name, textwrap.wrap(text, max(width - indent, 20), break_on_hyphens=False) or [""]) for name, text in pairs
    ]
    return Group(
        *(
            Text.assemble((f"{name}:".ljust(indent), (styles or {}).get(name, "dim")), f"\n{' ' * indent}".join(lines))
            for name, lines in folded
        )
    )
