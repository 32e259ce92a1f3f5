"""A table on stdout, as a script prints it: drawn with Rich on a terminal, as plain text off it."""

from __future__ import annotations

import sys

from layercli.render import plain
from layercli.render.table import Table


def print_table(table: Table) -> None:
    """Print a table on stdout."""
    if not sys.stdout.isatty():
        print(plain.draw(table), end="")
        return
    from rich.console import Console

    from layercli.render import rich

    rich.draw(table, Console(file=sys.stdout, highlight=False, markup=False, emoji=False))
