"""HTML from Python values: every text and every attribute is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from layercli.escaping import printable
from layercli.render.table import Column, Table

LONGEST_CELL = 60
"""A longer text is also the tooltip of its cell."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: str | int | bool | None) -> Markup:
    """Return an element with escaped texts and attributes; ``class_`` is class, True an attribute without a value.

    >>> element("a", "1 < 2", element("br"), class_="b", hidden=True)
    '<a class="b" hidden>1 &lt; 2<br></a>'
    """
    given = "".join(
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(printable(str(value)))}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    inside = "".join(map(text_of, content))
    return Markup(f"<{tag}{given}>" if tag in ("br", "input", "meta") else f"<{tag}{given}>{inside}</{tag}>")


def text_of(content: str) -> str:
    """Return content as HTML: text is escaped, with control characters written out."""
    return content if isinstance(content, Markup) else escape(printable(content, keep="\n"))


def joined(parts: Iterable[str]) -> Markup:
    """Return parts one after another."""
    return Markup("".join(map(text_of, parts)))


def table_of(table: Table) -> Markup:
    """Return a Table as HTML, with its facts and notes; shares have a bar beside them, histograms are drawn."""
    heads = [element("th", c.title, scope="col", class_="number" if c.numeric else None) for c in table.columns]
    body = [
        element("tr", *(cell(c, value, text) for c, value, text in zip(table.columns, row, texts, strict=True)))
        for row, texts in zip(table.rows, table.cells(), strict=True)
    ]
    parts = []
    if table.columns:
        grid = element("table", element("thead", element("tr", *heads)), element("tbody", *body))
        parts.append(element("div", grid, class_="wide"))
    if table.facts:
        facts = (each for name, text in table.facts for each in (element("dt", name), element("dd", text)))
        parts.append(element("dl", *facts))
    parts += [element("p", note, class_="note") for note in table.notes]
    return joined(parts)


def cell(column: Column, value: Any, text: str) -> Markup:
    """Return the cell of a value with its text."""
    if column.name == "histogram" and isinstance(value, list):
        return element("td", bars(value))
    if column.bar and isinstance(value, (int, float)):
        filled = f'<path d="M0 0h{60 * min(max(value, 0), 1):.1f}v8H0z"/>'
        return element("td", text, Markup(f'<svg class="share" width="60" height="8">{filled}</svg>'), class_="number")
    if len(text) <= LONGEST_CELL:  # longer ones are cut where they are wider than 480 pixels
        return Markup(f'<td class="number">{text_of(text)}</td>' if column.numeric else f"<td>{text_of(text)}</td>")
    return element("td", text, class_="number" if column.numeric else None, title=text)


def bars(counts: list[int]) -> Markup:
    """Return a histogram as small bars; their heights are proportional to the counts."""
    most = max(counts, default=0)
    heights = [(i, max(16 * count / most, 0.5)) for i, count in enumerate(counts) if count]
    path = "".join(f"M{4 * i} 18v{-height:.1f}h3v{height:.1f}z" for i, height in heights)
    return Markup(f'<svg class="bars" width="{4 * len(counts)}" height="18" role="img"><path d="{path}"/></svg>')
