"""The help of the commands: without colour where it is no person at a terminal who reads it, and with examples."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command whose help has no colour off a terminal."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        follow_terminal()
        super().format_help(ctx, formatter)


class Group(TyperGroup):
    """The program, whose help has no colour off a terminal."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        follow_terminal()
        super().format_help(ctx, formatter)


def follow_terminal() -> None:
    """Let typer's help have colour on a terminal alone: it gives some to every reader under GITHUB_ACTIONS or FORCE_COLOR."""
    from typer import rich_utils

    rich_utils.FORCE_TERMINAL = sys.stdout.isatty()


def example(command: Callable[..., Any]) -> str:
    """Return the first command line that the help of a command shows."""
    shown = re.search(r"^\[dim\]\$\[/dim\] (.*)$", inspect.getdoc(command) or "", re.MULTILINE)
    return shown[1] if shown else "layercli --help"
