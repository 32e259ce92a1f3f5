"""A table on stdout, as a script prints it: drawn with Rich on a terminal, as plain text off it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from layercli.render import plain
from layercli.render.table import Table


def print_table(table: Table, width: int | None = None, print_fn: Callable[[str], Any] | None = None) -> None:
    """Print a table on stdout, ``width`` columns wide, or give its text to ``print_fn``."""
    if print_fn is not None:
        print_fn(plain.draw(table) if width is None else drawn(table, width))
        return
    if not sys.stdout.isatty():
        print(plain.draw(table) if width is None else drawn(table, width), end="")
        return
    from rich.console import Console

    from layercli.render import rich

    rich.draw(table, Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False))


def drawn(table: Table, width: int) -> str:
    """Return the text of a table in ``width`` columns."""
    from io import StringIO

    from rich.console import Console

    from layercli.render import rich

    text = StringIO()
    rich.draw(table, Console(file=text, width=width, highlight=False, markup=False, emoji=False))
    return text.getvalue()
