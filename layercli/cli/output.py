"""Output: data to stdout in the requested format, messages to stderr; a closed pipe is not an error."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any, TextIO

import typer

from layercli.cli import command_line, pager, spinner
from layercli.errors import FileError
from layercli.escaping import printable
from layercli.render.table import Table


class Format(StrEnum):
    """The formats for tables."""

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

COLOURS = {"error": "1;31", "warning": "1;33", "hint": "36"}
"""The terminal colours of the first word of a message: red, yellow, cyan."""


def prepare_streams() -> None:
    """Make streams robust: a closed one is empty or discards what is written; characters outside the encoding are escaped.

    In the order of their descriptors, so that no file opened later has one of them, to which C code writes.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open until the process ends
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def redirect_user_stdout() -> Iterator[None]:
    """Redirect prints inside the block to stderr, those of C code and of child processes too; only ``emit`` writes to stdout."""
    with apart_below_python() as data, emit_to(data), redirect_stdout(sys.stderr):
        yield


@contextmanager
def apart_below_python() -> Iterator[TextIO]:
    """Redirect file descriptor 1 to stderr inside the block, and give a stream of what it was."""
    before = stdout()
    try:
        real = (before.fileno(), sys.stderr.fileno()) == (1, 2)
    except (OSError, ValueError):  # in a notebook or a test these streams are no files
        real = False
    if not real:
        yield before
        return
    before.flush()
    with open(os.dup(1), "w", encoding=before.encoding, errors=before.errors) as data:
        os.dup2(2, 1)
        try:
            yield data
        finally:
            with suppress(OSError):  # what is written to stdout has been flushed by those who wrote it
                data.flush()
            os.dup2(data.fileno(), 1)


@contextmanager
def emit_to(stream: TextIO) -> Iterator[None]:
    """Emit to ``stream`` inside the block."""
    line = command_line.current()
    before, line.stdout = line.stdout, stream
    try:
        yield
    finally:
        line.stdout = before


def stdout() -> TextIO:
    """Return the stream for data."""
    return command_line.current().stdout or sys.stdout


def chosen(format: Format | None) -> Format:
    """Return the requested format; by default table on a terminal and plain text off it."""
    return format or (Format.table if on_terminal(stdout()) else Format.plain)


def emit(table: Table | list[Table], document: Callable[[], dict[str, Any]], format: Format | None) -> None:
    """Print ``table`` (or several, separated by an empty line), or for JSON the result of ``document``, on stdout."""
    tables = table if isinstance(table, list) else [table]
    match chosen(format):
        case Format.json:
            from layercli.render import json

            write(json.text(document()) + "\n")
        case Format.table:
            draw_on_terminal(in_letters_of(stdout(), tables))
        case Format.plain:
            from layercli.render import plain

            for place, each in enumerate(in_letters_of(stdout(), tables)):
                write_parts(chain(["\n"] if place else [], plain.parts(each)))
        case other:
            from importlib import import_module

            draw = import_module(f"layercli.render.{other.value}").draw
            write("\n".join(map(draw, tables)))


def in_letters_of(stream: TextIO, tables: list[Table]) -> list[Table]:
    """Return the tables in letters that ``stream`` has, so that what is aligned stays so."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    return tables if encoding.replace("-", "") == "utf8" else [table.encodable(encoding) for table in tables]


def draw_on_terminal(tables: list[Table]) -> None:
    """Print the tables with Rich, separated by an empty line, as wide as the terminal or COLUMNS."""
    from rich.console import Console

    from layercli.render import rich

    seen = on_terminal(stdout())
    console = Console(file=stdout(), force_terminal=seen, highlight=False, markup=False, emoji=False)
    with console.capture() as drawn:
        for place, table in enumerate(tables):
            if place:
                console.print()
            rich.draw(table, console)
    with delivered():
        pager.show(drawn.get(), console.height, stdout())


def write(text: str) -> None:
    """Print ``text`` on stdout unchanged; a closed pipe is not an error."""
    write_parts([text])


def write_parts(parts: Iterable[str]) -> None:
    """Print the parts of a text on stdout unchanged, as they are made."""
    with delivered():
        stdout().writelines(parts)
        stdout().flush()


@contextmanager
def delivered() -> Iterator[None]:
    """Write to stdout inside the block: a closed pipe is not an error, a full disk is a FileError."""
    spinner.pause()
    try:
        yield
    except BrokenPipeError:
        discard(stdout())
    except OSError as error:
        from layercli.formats.os_errors import reason

        discard(stdout())
        raise FileError(f"cannot write to standard output: {reason(error)}") from error


def print_info(text: str) -> None:
    """Print a message for the user on stderr, unless ``-q``."""
    if not command_line.current().quiet:
        print_error(text)


def print_error(text: str) -> None:
    """Print ``text`` as a line on stderr, even with ``-q``; on a terminal its first word is coloured."""
    text = printable(text)
    word, colon, rest = text.partition(": ")
    if colon and word in COLOURS and coloured(sys.stderr):
        text = f"\x1b[{COLOURS[word]}m{word}:\x1b[0m {rest}"
    write_error(text)


def coloured(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal with colours, and colours are not disabled."""
    return on_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in (None, "dumb")


def tell_lines(text: str) -> None:
    """Print the lines of ``text`` on stderr."""
    write_error(printable(text, keep="\n"))


def write_error(text: str) -> None:
    """Print ``text``, which is already escaped, on stderr."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # a closed pipe or a full disk: there is no stream left to report it on
        discard(sys.stderr)


@contextmanager
def warnings_escaped() -> Iterator[None]:
    """Escape Python warnings inside the block like everything else on stderr."""
    written = warnings.formatwarning
    warnings.formatwarning = lambda *given, **named: printable(written(*given, **named), keep="\n")
    try:
        yield
    finally:
        warnings.formatwarning = written


def on_terminal(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal."""
    return stream.isatty()


def discard(stream: TextIO) -> None:
    """Redirect ``stream`` to nowhere, so that Python's flush at exit raises nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
