"""The table of a training run (one row per epoch) or of an evaluation (its metrics)."""

from __future__ import annotations

from typing import Any

from layercli.render.table import Column, Table


def table(report: Any) -> Table:
    """Return the table of a ``FitReport``."""
    facts = [("Parameters", f"{report.parameters:,}"), ("Device", report.device)]
    if report.classes is not None:
        facts.append(("Classes", ", ".join(report.classes)))
    if report.saved is not None:
        facts.append(("Saved", report.saved))
    if report.command == "evaluate":
        columns = [Column("Metric"), Column("Value", numeric=True)]
        return Table(report.model, columns, [[name, value] for name, value in report.logs[0].items()], facts)
    names = list(dict.fromkeys(name for row in report.logs for name in row)) or ["epoch"]
    columns = [Column(name.replace("_", " ").capitalize(), numeric=True, key=name) for name in names]
    return Table(report.model, columns, [[row.get(name) for name in names] for row in report.logs], facts)
