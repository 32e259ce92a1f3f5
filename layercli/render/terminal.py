"""Tables on a terminal, fitted to its width with Rich."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from layercli.render.table import Table


def draw(table: Table, console: Console) -> None:
    """Print the table: a title, the columns that fit folded to the width, facts below, notes last."""
    parts: list[RenderableType] = []
    if table.title:
        parts.append(Text(table.title, style="bold"))
    if table.columns:
        parts.append(grid(table))
    if table.facts:
        parts.append(facts(table.facts))
    parts += [Text(note) for note in table.notes]
    console.print(Group(*parts))


def grid(table: Table) -> RichTable:
    """Return the Rich table of the rows; text folds rather than being cut, numbers never break."""
    drawn = RichTable(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for column in table.columns:
        drawn.add_column(
            column.title, justify="right" if column.numeric else "left", no_wrap=column.numeric, overflow="fold"
        )
    for row in table.cells():
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn


def facts(pairs: list[tuple[str, str]]) -> RichTable:
    """Return the facts as two columns, names dim."""
    drawn = RichTable.grid(padding=(0, 2))
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, text in pairs:
        drawn.add_row(Text(f"{name}:"), Text(text))
    return drawn
