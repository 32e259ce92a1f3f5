"""Tables on a terminal, fitted to its width with Rich: long texts fold; if that is not enough, each row becomes a record."""

from __future__ import annotations

import textwrap

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from layercli.render.table import Column, Table
from layercli.render.text_width import ELLIPSIS, padded, shortened, text_width

GAP = 2

RULE = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
"""The box of a terminal that has ASCII alone: a line below the titles, as where there are more characters."""


def draw(table: Table, console: Console) -> None:
    """Print the title, the rows, the facts and the notes, separated by empty lines."""
    table = table.printable()
    parts: list[RenderableType] = []
    if table.title:
        parts.append(Text(table.title, style="bold"))
    if table.columns and table.rows:
        table = narrowed(table, console.width)
        fits = least_width(table) <= console.width
        if fits and is_cut(table, console.width):
            table.notes = [*table.notes, f"{mark(console)} stands for what is cut (--format plain shows all)"]
        parts.append(grid(table, console) if fits else records(table, console.width))
    if table.facts:
        parts.append(facts(table.facts, console.width, table.styles))
    if table.notes:
        parts.append(Group(*map(Text, table.notes)))
    spaced = [line for part in parts for line in (Text(""), part)][1:]
    console.print(Group(*spaced))


def narrowed(table: Table, width: int) -> Table:
    """Drop the lowest-priority columns that make the table fit; return it unchanged if that would not suffice."""
    yielding = sorted((column.yields, i) for i, column in enumerate(table.columns) if column.yields)
    for count in range(len(yielding) + 1):
        tried = table.without([i for _, i in yielding[:count]]) if count else table
        if least_width(tried) <= width:
            return tried
    return table


def least_width(table: Table) -> int:
    """Return the width of the table when every foldable text is folded at its spaces."""
    return sum(least_widths(table)) + GAP * (len(table.columns) - 1)


def least_widths(table: Table) -> list[int]:
    """Return the minimum width of each column: its longest cell, or its longest word if it folds."""
    return [
        min(
            max(text_width(word) for cell in cells for word in words(cell, column)), max(column.shortens, len(cells[0]))
        )
        if column.shortens
        else max(text_width(word) for cell in cells for word in words(cell, column))
        for column, cells in zip(table.columns, by_column(table), strict=True)
    ]


def words(cell: str, column: Column) -> list[str]:
    """Return what of a cell has to stand in one line."""
    return cell.split() or [""] if column.folds else [cell]


def by_column(table: Table) -> list[tuple[str, ...]]:
    """Return the title and the cells of each column."""
    return list(zip([column.title for column in table.columns], *table.cells(), strict=True))


def widths(table: Table, width: int) -> list[int]:
    """Return the width of each column: what is left over goes to those that shorten, the first ones first."""
    found = least_widths(table)
    spare = width - sum(found) - GAP * (len(found) - 1)
    for i, (column, cells) in enumerate(zip(table.columns, by_column(table), strict=True)):
        wanted = max(map(text_width, cells)) - found[i]
        if column.shortens and wanted > 0 and spare > 0:
            found[i] += min(wanted, spare)
            spare -= min(wanted, spare)
    return found


def is_cut(table: Table, width: int) -> bool:
    """Whether a text is cut where the table is as wide as this."""
    sides = zip(table.columns, by_column(table), widths(table, width), strict=True)
    return any(column.shortens and max(map(text_width, cells)) > room for column, cells, room in sides)


def mark(console: Console) -> str:
    """Return what stands for the end of a text that is cut."""
    return "..." if console.options.ascii_only else ELLIPSIS


def grid(table: Table, console: Console) -> RichTable:
    """Return the Rich table of the rows."""
    ascii_only = console.options.ascii_only
    drawn = RichTable(
        box=RULE if ascii_only else box.SIMPLE_HEAD, header_style="bold", padding=(0, GAP - 1, 0, 0), pad_edge=False,
        show_edge=False, safe_box=False,
    )  # fmt: skip
    chosen = widths(table, console.width)
    for column, width in zip(table.columns, chosen, strict=True):
        drawn.add_column(
            column.title, justify="right" if column.numeric else "left", no_wrap=not column.folds, min_width=width,
            max_width=None if column.folds else width, overflow="crop",
        )  # fmt: skip
    for row in table.cells():
        drawn.add_row(
            *(
                Text(shortened(cell, width, mark(console)) if column.shortens else cell)
                for cell, column, width in zip(row, table.columns, chosen, strict=True)
            )
        )
    return drawn


def records(table: Table, width: int) -> Group:
    """Return each row as a record: its first cell, then a line for each other cell."""
    first, *others = table.columns
    blocks: list[RenderableType] = [Text(first.title, style="bold")]
    for cells in table.cells():
        named = [(f"  {column.title}", cell) for column, cell in zip(others, cells[1:], strict=True)]
        blocks += [Text(cells[0]), facts(named, width)]
    return Group(*blocks)


def facts(pairs: list[tuple[str, str]], width: int, styles: dict[str, str] | None = None) -> Group:
    """Return the facts with dim (or styled) names and aligned, folded texts."""
    indent = max(text_width(name) for name, _ in pairs) + 1 + GAP
    folded = [
        (name, textwrap.wrap(text, max(width - indent, 20), break_on_hyphens=False) or [""]) for name, text in pairs
    ]
    return Group(
        *(
            Text.assemble(
                (padded(f"{name}:", indent), (styles or {}).get(name, "dim")), f"\n{' ' * indent}".join(lines)
            )
            for name, lines in folded
        )
    )
