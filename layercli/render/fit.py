"""The table of a training run (one row per epoch) or of an evaluation (its metrics)."""

from __future__ import annotations

import math
from typing import Any

from layercli.render.chart import Axis, Series, chart
from layercli.render.sparkline import sparkline
from layercli.render.table import Column, Table

CURVE = 32
"""The greatest width of a curve."""


def table(report: Any, *, last: bool = False) -> Table:
    """Return the table of a ``FitReport``; where the figures of all epochs were shown, those of the ``last`` with curves of all."""
    facts = [("Parameters", f"{report.parameters:,}"), ("Device", report.device)]
    if report.classes is not None:
        facts.append(("Classes", ", ".join(report.classes)))
    if report.saved is not None:
        facts.append(("Saved", report.saved))
    if report.command == "evaluate":
        columns = [Column("Metric"), Column("Value", numeric=True)]
        return Table(report.model, columns, [[name, value] for name, value in report.logs[0].items()], facts)
    names = sorted(dict.fromkeys(name for row in report.logs for name in row), key=importance) or ["epoch"]
    if last and len(report.logs) > 1:
        return curves(report, names, facts)
    columns = [Column(title(name), numeric=True, key=name) for name in names]
    return Table(report.model, columns, [[row.get(name) for name in names] for row in report.logs], facts)


def title(name: str) -> str:
    """Return the title of a metric."""
    return name.replace("_", " ").capitalize()


def curves(report: Any, names: list[str], facts: list[tuple[str, str]]) -> Table:
    """Return one row per metric: its last value, and its curve over the epochs."""
    columns = [Column("Metric"), Column("Last", numeric=True), Column("Over the epochs", key="curve")]
    values = {name: [float(row.get(name, math.nan)) for row in report.logs] for name in names if name != "epoch"}
    rows = [[title(name), found[-1], sparkline(found, CURVE)] for name, found in values.items()]
    return Table(report.model, columns, rows, [("Epochs", f"{report.logs[-1]['epoch']:,}"), *facts])


def plot(report: Any) -> str:
    """Return the curves of all metrics over the epochs as SVG; those of the validation are dashed."""
    names = sorted(
        {name for row in report.logs for name in row if name != "epoch"}, key=lambda name: (importance(name), name)
    )
    series = [
        Series(
            name,
            [(row["epoch"], float(row.get(name, math.nan))) for row in report.logs],
            dashed=name.startswith("val_"),
        )
        for name in names
    ]
    return chart(report.model, series, Axis("epoch", whole=True))


def importance(name: str) -> tuple[bool, bool, bool]:
    """Return the key that sorts the epoch first, then the loss, then what was measured, then that of the validation.

    >>> sorted(["accuracy", "epoch", "loss", "val_accuracy", "val_loss"], key=importance)
    ['epoch', 'loss', 'accuracy', 'val_loss', 'val_accuracy']
    """
    return name != "epoch", name.startswith("val_"), name.removeprefix("val_") != "loss"
