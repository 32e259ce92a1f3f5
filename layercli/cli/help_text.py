"""The help of the commands: with examples, and without colour unless a person reads it on a terminal."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command whose help is uncoloured off a terminal."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        follow_terminal()
        super().format_help(ctx, formatter)


class ProgramGroup(TyperGroup):
    """The program, whose help is uncoloured off a terminal."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        follow_terminal()
        super().format_help(ctx, formatter)


def follow_terminal() -> None:
    """Make Typer colour help on terminals only; it would always do so under GITHUB_ACTIONS or FORCE_COLOR."""
    from typer import rich_utils

    rich_utils.FORCE_TERMINAL = sys.stdout.isatty()


def example(command: Callable[..., Any]) -> str:
    """Return the first example command line in a command's help."""
    shown = re.search(r"^\[dim\]\$\[/dim\] (.*)$", inspect.getdoc(command) or "", re.MULTILINE)
    return shown[1] if shown else "layercli --help"
