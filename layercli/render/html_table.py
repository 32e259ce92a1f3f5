"""Tables and other objects as HTML for notebooks: every text escaped, no script, colours of the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from layercli.render.table import Column, Table

STYLES = {
    "bold red": "color:#e5484d;font-weight:bold", "red": "color:#e5484d", "yellow": "color:#bf8700", "green": "color:#2da44e",
}  # fmt: skip
"""The CSS of Rich styles, in colours that can be read on white and on black."""
BOLD, LEFT, RIGHT = "font-weight:bold", "text-align:left", "text-align:right;font-variant-numeric:tabular-nums"


def draw(tables: Table | Sequence[Table]) -> str:
    """Return the tables as one block: titles, rows, facts and notes."""
    listed = [tables] if isinstance(tables, Table) else tables
    return f"<div>{''.join(map(section, listed))}</div>"


def section(table: Table) -> str:
    """Return one table."""
    table = table.printable()
    parts = [f'<div style="{BOLD}">{escape(table.title)}</div>'] if table.title else []
    if table.columns and table.rows:
        head = "".join(f'<th style="{side(column)}">{escape(column.title)}</th>' for column in table.columns)
        body = "".join(
            row(table.columns, values, texts) for values, texts in zip(table.rows, table.cells(), strict=True)
        )
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    if table.facts:
        lines = "".join(
            f'<tr><th style="{LEFT}">{escape(name)}</th><td style="{LEFT}">{escape(text)}</td></tr>'
            for name, text in table.facts
        )
        parts.append(f"<table><tbody>{lines}</tbody></table>")
    parts += [f'<div style="opacity:.7">{escape(note)}</div>' for note in table.notes]
    return "".join(parts)


def row(columns: list[Column], values: Sequence[Any], texts: list[str]) -> str:
    """Return one row."""
    cells = zip(columns, values, texts, strict=True)
    return f"<tr>{''.join(cell(column, value, text) for column, value, text in cells)}</tr>"


def cell(column: Column, value: Any, text: str) -> str:
    """Return one cell, with a bar below a share."""
    style = side(column)
    if column.style and (colour := STYLES.get(column.style(value))):
        style = f"{style};{colour}"
    if column.bar and isinstance(value, float | int):
        share = min(max(float(value), 0.0), 1.0)
        style += f";background:linear-gradient(90deg,#4a90d966 {share:.1%},transparent {share:.1%})"
    return f'<td style="{style};white-space:pre">{escape(text)}</td>'


def side(column: Column) -> str:
    """Return the alignment of a column."""
    return RIGHT if column.numeric else LEFT


def preformatted(text: str) -> str:
    """Return text with its line breaks and spaces."""
    from layercli.escaping import printable

    return f'<pre style="font-family:monospace">{escape(printable(text, keep=chr(10)))}</pre>'
