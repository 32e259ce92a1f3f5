"""The table of a profile."""

from __future__ import annotations

from typing import Any

from layercli.render.quantities import show_bytes, show_share
from layercli.render.summary import LAYER_FIELDS, LayerLabel
from layercli.render.table import Column, Table, show
from layercli.render.timing import show_seconds


def show_predicted(share: float | None) -> str:
    """Return a share in percent, or ``-`` if the MACs are unknown."""
    return show(None) if share is None else show_share(share)


def table(found: Any, by: str | None = None) -> Table:
    """Return one row per layer of a ``Profile``, in the order of ``Profile.ordered``."""
    columns = [
        Column("Layer (type)", key="layer", shortens=24, middle=True, fields=LAYER_FIELDS[:2]),
        Column("Calls", numeric=True, yields=4),
        Column("Total", numeric=True, show=show_seconds, yields=6),
        Column("Self", numeric=True, show=show_seconds),
        Column("Floor", numeric=True, show=lambda seconds: show(None) if seconds is None else show_seconds(seconds)),
        Column("Bound by", yields=3, key="bound"),
        Column("Share", numeric=True, show=show_share, bar=True),
        Column("MACs", numeric=True, yields=5),
        Column("Predicted", numeric=True, show=show_predicted, yields=1),
        Column("Results", numeric=True, show=show_bytes, yields=2),
        Column("Allocated", numeric=True, show=show_bytes, yields=3),
    ]
    rows = [
        [
            LayerLabel(c.path, c.cls, shared=False), c.calls, c.total, c.own, c.floor, c.bound or "-", c.total / found.seconds,
            c.macs, found.predicted(c), c.bytes, c.allocated,
        ]
        for c in found.ordered(by)
    ]  # fmt: skip
    facts = [
        ("Whole run", show_seconds(found.seconds)),
        ("Outside layers", show_share(1 - sum(c.own for c in found.costs) / found.seconds)),
        ("Profiling added", show_share(found.overhead) if found.overhead > 0 else "less than can be measured"),
    ]
    bounded = any(cost.floor is not None for cost in found.costs)
    notes = (
        ["Floor: the least time of its operations, each tensor moved once, at rates measured here"] if bounded else []
    )
    return Table("Profile", columns, rows, facts, notes)


def kernels(found: Any) -> Table:
    """Return one row per kernel of a ``Profile``, slowest first; shares are of the time of all kernels."""
    columns = [
        Column("Kernel", shortens=24, middle=True),
        Column("Layer", shortens=16, middle=True),
        Column("Calls", numeric=True),
        Column("Time", numeric=True, show=show_seconds),
        Column("Share", numeric=True, show=show_share, bar=True),
    ]
    rows = [[k.name, k.layer or "(outside layers)", k.calls, k.seconds, k.share] for k in found.kernels]
    return Table("Longest kernels", columns, rows)
