"""The table of differences between two runs."""

from __future__ import annotations

from typing import Any

from layercli.render.summary import LAYER_FIELDS, LayerLabel
from layercli.render.table import Column, Table, red_if_not

MOST_NAMES = 5
ANSWERS = {"agrees": "yes", "differs": "no", "not finite": "no: not finite on both sides"}


def table(found: Any) -> Table:
    """Return one row per result of a ``Comparison``."""
    columns = [
        Column("Layer (type)", key="layer", shortens=24, middle=True, fields=LAYER_FIELDS[:2]),
        Column("Max absolute", numeric=True),
        Column("Max relative", numeric=True, yields=2),
        Column("1 - cosine", numeric=True, key="cosine", yields=1),
        Column("Allowed", numeric=True, yields=3),
        Column("Close", style=red_if_not),
        Column("Finite", style=red_if_not),
    ]
    rows = [
        [
            LayerLabel(d.name, d.cls or None, shared=False),
            d.absolute,
            d.relative,
            d.cosine,
            d.allowed,
            d.close,
            d.finite,
        ]
        for d in found.differences
    ]
    first = found.first_divergence
    facts = [
        ("Against", found.reference),
        ("Agrees", ANSWERS[found.answer]),
        ("First to diverge", "-" if first is None else first.name),
    ]
    if found.first_not_finite is not None:
        facts.append(("First not finite", found.first_not_finite.name))
    return Table("Difference", columns, rows, facts, notes(found))


def notes(found: Any) -> list[str]:
    """Return the footnotes: results that could not be compared, and whether only outputs were compared."""
    notes = ["only the outputs are compared, no layer"] if found.outputs_only else []
    return [*notes, missing(found)] if found.only_here else notes


def missing(found: Any) -> str:
    """Return the first few results that are missing from the reference."""
    rest = len(found.only_here) - MOST_NAMES
    return (
        f"not in {found.reference}: {', '.join(found.only_here[:MOST_NAMES])}{f' and {rest} more' if rest > 0 else ''}"
    )
