"""Tables on a terminal, fitted to its width with Rich: a row is a line, in colours that mean nothing of their own."""

from __future__ import annotations

import textwrap
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from layercli.render.column_widths import GAP, FittedTable, fitted
from layercli.render.sparkline import bar
from layercli.render.table import Column, Table
from layercli.render.text_width import ELLIPSIS, padded, shortened, text_width

LEAST_TEXT = 20
"""The least width of the texts beside the names of facts."""
HEAT = ((0.3, "bold red"), (0.1, "yellow"), (0.01, ""))
"""The colours of shares, from this share on; less is dim."""

RULE = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
"""The box of a terminal that has ASCII alone: a line below the titles, as where there are more characters."""


def draw(table: Table, console: Console) -> None:
    """Print the title, the rows, the facts and the notes, separated by empty lines."""
    table = table.printable()
    parts: list[RenderableType] = []
    if table.title:
        parts.append(Text(table.title, style="bold"))
    if table.columns and table.rows:
        found = fitted(table, console.width)
        table = found.table
        if found.cut:
            table.notes = [*table.notes, f"{mark(console)} stands for what is cut (--format plain shows all)"]
        parts.append(grid(found, console))
    if table.facts:
        parts.append(facts(table.facts, console.width, table.styles))
    if table.notes:
        parts.append(Group(*map(Text, table.notes)))
    spaced = [line for part in parts for line in (Text(""), part)][1:]
    console.print(Group(*spaced))


def mark(console: Console) -> str:
    """Return what stands for the part of a text that is cut."""
    return "..." if console.options.ascii_only else ELLIPSIS


def grid(found: FittedTable, console: Console) -> RichTable:
    """Return the Rich table of the rows."""
    ascii_only = console.options.ascii_only
    drawn = RichTable(
        box=RULE if ascii_only else box.SIMPLE_HEAD, header_style="bold", padding=(0, GAP - 1, 0, 0), pad_edge=False,
        show_edge=False, safe_box=False,
    )  # fmt: skip
    bars = [0 if ascii_only else width for width in found.bars]
    for column, width, bar_width in zip(found.table.columns, found.widths, bars, strict=True):
        drawn.add_column(
            shortened(column.title, width, mark(console)), justify="right" if column.numeric and not bar_width else "left",
            no_wrap=not column.folds, min_width=width, max_width=width, overflow="fold" if column.folds else "crop",
        )  # fmt: skip
    for values, texts in zip(found.table.rows, found.cells, strict=True):
        cells = zip(values, texts, found.table.columns, found.widths, bars, strict=True)
        drawn.add_row(*(cell(*each, mark(console)) for each in cells))
    return drawn


def cell(value: Any, text: str, column: Column, width: int, bar_width: int, ellipsis: str) -> Text:
    """Return the text of a cell in its colour: cut to its width, and with a bar for a share."""
    style = column.style(value) if column.style else heat(value) if column.bar else ""
    if column.folds:
        return Text(text, style)
    if bar_width:
        share = value if isinstance(value, float | int) else 0.0
        return Text(f"{padded(text, width - bar_width - 1, right=True)} {bar(share, bar_width)}", style)
    return Text(shortened(text, width, ellipsis, middle=column.middle), style)


def heat(share: object) -> str:
    """Return the colour of a share of the whole."""
    if not isinstance(share, float | int):
        return ""
    return next((style for least, style in HEAT if share >= least), "dim")


def facts(pairs: list[tuple[str, str]], width: int, styles: dict[str, str] | None = None) -> Group:
    """Return the facts with dim (or styled) names and aligned, folded texts; where names leave little room, texts below them."""
    indent = max(text_width(name) for name, _ in pairs) + 1 + GAP
    beside = width - indent >= LEAST_TEXT
    indent = indent if beside else GAP
    found = []
    for name, text in pairs:
        lines = textwrap.wrap(text, max(width - indent, 1), break_on_hyphens=False) or [""]
        begin = padded(f"{name}:", indent) if beside else f"{name}:\n{' ' * indent}"
        found.append(Text.assemble((begin, (styles or {}).get(name, "dim")), f"\n{' ' * indent}".join(lines)))
    return Group(*found)
