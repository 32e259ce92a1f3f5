"""Where everything goes: data to stdout in the format asked for, messages to stderr, a closed pipe unnoticed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, TextIO

import typer

from layercli.render.table import Table


class Format(StrEnum):
    """The formats every table comes in."""

    table = "table"
    plain = "plain"
    json = "json"
    csv = "csv"
    markdown = "markdown"


FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format", "-f", help="How to print it. Default: table on a terminal, plain off it.", show_default=False
    ),
]

quiet = False


def chosen(format: Format | None) -> Format:
    """Return the format to print in: the one asked for, else a table on a terminal and plain text off it."""
    return format or (Format.table if on_terminal(sys.stdout) else Format.plain)


def emit(table: Table | list[Table], document: Callable[[], dict[str, Any]], format: Format | None) -> None:
    """Print ``table`` (or several, a line apart), or where JSON is asked for what ``document`` gives, on stdout."""
    tables = table if isinstance(table, list) else [table]
    match chosen(format):
        case Format.json:
            from layercli.render import document as json

            write(json.text(document()) + "\n")
        case Format.table:
            draw_on_terminal(tables)
        case other:
            from importlib import import_module

            draw = import_module(f"layercli.render.{other.value}").draw
            write("\n".join(draw(each) for each in tables))


def draw_on_terminal(tables: list[Table]) -> None:
    """Print the tables with Rich, a line apart, as wide as the terminal, or as COLUMNS says."""
    from rich.console import Console

    from layercli.render import terminal

    console = Console(highlight=False, markup=False, emoji=False)
    try:
        for place, table in enumerate(tables):
            if place:
                console.print()
            terminal.draw(table, console)
    except BrokenPipeError:
        discard(sys.stdout)


def write(text: str) -> None:
    """Print ``text`` on stdout as it is; a reader who has gone is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)


def message(text: str) -> None:
    """Tell the person at the terminal something that is not data, unless ``-q``."""
    if not quiet:
        tell(text)


def tell(text: str) -> None:
    """Print ``text`` on stderr, ``-q`` or not: for errors."""
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        discard(sys.stderr)


def on_terminal(stream: TextIO) -> bool:
    """Whether a person sees ``stream``."""
    return stream.isatty()


def discard(stream: TextIO) -> None:
    """Send what ``stream`` still holds nowhere, so that Python's own flush at exit stays silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
