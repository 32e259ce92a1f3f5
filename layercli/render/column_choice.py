"""``--columns``: which columns of a table are shown, and which of them the command line names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

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


def of_columns(
    rows: list[dict[str, Any]], text: str | None, keys: Mapping[str, Collection[str]]
) -> list[dict[str, Any]]:
    """Return the rows of a JSON document with those of their fields that ``text`` names by columns; None or ``+macs`` keeps all.

    ``keys`` are the fields that each column stands for.

    >>> of_columns([{"path": "a", "macs": 2, "macs_formula": None}], "macs", {"path": ["path"], "macs": ["macs", "macs_formula"]})
    [{'macs': 2, 'macs_formula': None}]
    """
    if text is None:
        return rows
    wanted = {key for name in parse_columns(text, keys, keys) for key in keys[name]}
    return [{key: value for key, value in row.items() if key in wanted} for row in rows]
