"""``--columns``: which columns of a table are shown, and which of them the command line names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from layercli.errors import UsageError, nearest
from layercli.render.column_widths import NAMED
from layercli.render.table import Column


def parse_columns(text: str | None, usual: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """Return the columns named in ``text``, with commas between; ``all`` is all of them, ``+macs`` adds to the usual ones.

    >>> parse_columns("+macs", ["layer"], ["layer", "macs"]), parse_columns(None, ["layer"], ["layer", "macs"])
    (('layer', 'macs'), ('layer',))
    """
    if text is None:
        return tuple(usual)
    written = [name.strip() for name in text.split(",")]
    names = [name for each in written for name in (known if each.removeprefix("+") == "all" else [each])]
    added = [name[1:] for name in names if name.startswith("+")]
    chosen = [*(usual if added else ()), *(name for name in names if not name.startswith("+")), *added]
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no column {name!r}", hint=nearest(name, [*known, "all"], "columns"))
    return tuple(dict.fromkeys(chosen))


def kept_longest(column: Column, name: str, text: str | None) -> Column:
    """Return a column that yields after all others if ``--columns`` names it."""
    named = text is not None and name in [each.strip().removeprefix("+") for each in text.split(",")]
    return replace(column, yields=column.yields + NAMED) if named and column.yields else column
