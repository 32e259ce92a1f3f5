"""The options that every command accepts, before and after its name: quiet, debug, no-pager, limit and format."""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from layercli.cli import command_line, distributed, output
from layercli.cli.spinner import spinning
from layercli.cli.user_exit import exits_refused
from layercli.core import limits
from layercli.errors import UsageError, nearest

PANEL = "Messages"

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=PANEL)]
NoPager = Annotated[bool, typer.Option("--no-pager", help="Print long tables without a pager.", rich_help_panel=PANEL)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only data and errors, no messages.", rich_help_panel=PANEL)]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit", metavar="NAME=N", help="Another limit for files, such as pixels=1000000000.", show_default=False,
        rich_help_panel=PANEL,
    ),
]  # fmt: skip


class EndOfFileError(Exception):
    """A command met an EOFError, which typer would take for the end of standard input and report as an interruption."""

    def __init__(self, error: EOFError) -> None:
        super().__init__(str(error))
        self.error = error


def accepted(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return the command with the global options added; the user's code cannot print to stdout or exit."""
    hints = typing.get_type_hints(command, include_extras=True)
    given = [each.replace(annotation=hints[each.name]) for each in inspect.signature(command).parameters.values()]
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, annotation, default in (
            ("quiet", Quiet, False), ("debug", Debug, False), ("no_pager", NoPager, False), ("limit", Limits, None),
        )
    ]  # fmt: skip

    @functools.wraps(command)
    def call(*args: Any, quiet: bool, debug: bool, no_pager: bool, limit: list[str] | None, **kwargs: Any) -> Any:
        line = command_line.current()
        line.quiet, line.debug = line.quiet or quiet, line.debug or debug
        line.pager = line.pager and not no_pager
        if kwargs.get("format", ...) is None and line.format is not None:
            kwargs["format"] = format_of(hints["format"], line.format)
        try:
            seen = output.on_terminal(sys.stderr) and not line.quiet and distributed.number() == 0
            with (
                limits.changed([*line.limits, *(limit or ())]),
                exits_refused(),
                spinning(wanted=seen),
                output.redirect_user_stdout(),
            ):
                return command(*args, **kwargs)
        except EOFError as error:
            raise EndOfFileError(error) from error

    call.__signature__ = inspect.Signature([*given, *own])  # type: ignore[attr-defined]  # what typer reads
    call.__annotations__ = {each.name: each.annotation for each in [*given, *own]}
    return call


def format_of(annotation: Any, text: str) -> StrEnum:
    """Return the format of that name if the command supports it; else raise UsageError."""
    known: type[StrEnum] = next(
        each
        for each in typing.get_args(typing.get_args(annotation)[0])
        if isinstance(each, type) and each is not type(None)
    )
    formats = [each.value for each in known]
    if text not in formats:
        raise UsageError(f"--format is {', '.join(formats)}, got {text!r}", hint=nearest(text, formats))
    return known(text)
