"""Table: titled columns, rows of values, and the facts and notes below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Any

from layercli.dataclass import dataclass
from layercli.escaping import printable
from layercli.render.text_width import encodable


def show(value: object) -> str:
    """Return the text of a value for people: ``1,024``, ``yes``, ``-`` for None."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float | complex) else str(value)


def all_printable(texts: list[str]) -> list[str]:
    """Return the texts with what is not printed written out: asked of all at once, as there seldom is any."""
    return texts if "".join(texts).isprintable() else list(map(printable, texts))


def texts_of(column: Column, values: Sequence[Any]) -> list[str]:
    """Return the texts of the values of a column; a column of integers calls ``show`` once for each distinct one."""
    if column.show is not show:
        return list(map(column.show, values))
    kinds = set(map(type, values))
    if kinds == {str}:
        return list(values)
    if kinds == {int}:
        return list(map({value: show(value) for value in set(values)}.__getitem__, values))
    return list(map(show, values))


SEVERITIES = {"error": "bold red", "warning": "yellow", "ok": "green"}
"""The Rich styles of how bad something is."""


def severity_style(severity: str) -> str:
    """Return the Rich style of a severity."""
    return SEVERITIES.get(severity, "")


def red_if_not(value: object) -> str:
    """Return the Rich style of a yes or a no that is bad."""
    return "bold red" if value is False else ""


@dataclass(frozen=True)
class Column:
    """One column: ``numeric`` ones are right-aligned, ``folds`` may fold at spaces, ``show`` gives the text.

    On a narrow terminal, columns with a number in ``yields`` (1 first) are dropped, and a note says so; texts are cut to
    ``shortens`` characters or more, names and paths in the ``middle``. ``style`` gives the Rich style of a value there, and
    ``bar`` draws a bar beside a share. ``key`` is the column's name in CSV and on the command line; by default the title in
    lower case.
    """

    title: str
    numeric: bool = False
    show: Callable[[Any], str] = show
    key: str = ""
    folds: bool = False
    yields: int = 0
    shortens: int = 0
    middle: bool = False
    bar: bool = False
    style: Callable[[Any], str] | None = None
    fields: tuple[tuple[str, Callable[[Any], Any]], ...] = ()

    @property
    def name(self) -> str:
        """The column's name for programs."""
        return self.key or self.title.lower().replace(" ", "_")


@dataclass
class Table:
    """``rows[i][j]`` is the value of column j; ``facts`` are (name, text) pairs; ``notes`` are sentences.

    ``styles`` are Rich styles for the names of facts that are not dim on a terminal.
    """

    title: str
    columns: list[Column]
    rows: Sequence[Sequence[Any]]
    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    styles: dict[str, str] = field(default_factory=dict)

    def without(self, places: list[int]) -> Table:
        """Return the table without the columns at ``places`` and their notes (``Title: ...``), and with a note that names them."""
        kept = [i for i in range(len(self.columns)) if i not in places]
        *first, last = [self.columns[i].name.replace("_", " ") for i in sorted(places)]
        named = f"{', '.join(first)} and {last}" if first else last
        columns, rows = [self.columns[i] for i in kept], [[row[i] for i in kept] for row in self.rows]
        note = f"{named}: hidden because the terminal is narrow (--format plain shows all)"
        of_hidden = tuple(f"{self.columns[i].title}: " for i in places)
        notes = [each for each in self.notes if not each.startswith(of_hidden)]
        return replace(self, columns=columns, rows=rows, notes=[*notes, note])

    def cells(self) -> list[list[str]]:
        """Return the text of every cell."""
        if not self.columns:
            return [[] for _ in self.rows]
        return list(map(list, zip(*self.texts(self.rows), strict=True)))

    def texts(self, rows: Sequence[Sequence[Any]]) -> list[list[str]]:
        """Return the texts of the cells in these rows, those of each column together."""
        columns = zip(*rows, strict=True) if rows else [()] * len(self.columns)
        return [all_printable(texts_of(column, values)) for column, values in zip(self.columns, columns, strict=True)]

    def encodable(self, encoding: str) -> Table:
        """Return the table with every text in letters of ``encoding``: what it has none for is written out."""

        def text(given: str) -> str:
            return encodable(printable(given), encoding)

        def shown(column: Column) -> Column:
            return replace(column, title=text(column.title), show=lambda value: text(column.show(value)))

        facts = [(text(name), text(value)) for name, value in self.facts]
        styles = {text(name): style for name, style in self.styles.items()}
        columns, notes = list(map(shown, self.columns)), list(map(text, self.notes))
        return replace(self, title=text(self.title), columns=columns, facts=facts, notes=notes, styles=styles)

    def printable(self) -> Table:
        """Return the table with control characters escaped in all texts outside the cells, as every renderer requires."""
        columns = [replace(each, title=printable(each.title), key=printable(each.key)) for each in self.columns]
        facts = [(printable(name), printable(text)) for name, text in self.facts]
        notes = list(map(printable, self.notes))
        styles = {printable(name): style for name, style in self.styles.items()}
        return replace(self, title=printable(self.title), columns=columns, facts=facts, notes=notes, styles=styles)
