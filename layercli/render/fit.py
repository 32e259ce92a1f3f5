"""The table of a training run (one row per epoch) or of an evaluation (its metrics)."""

from __future__ import annotations

from typing import Any

from layercli.render.table import Column, Table


def table(report: Any, *, last: bool = False) -> Table:
    """Return the table of a ``FitReport``, of its ``last`` epoch alone where all have been shown."""
    facts = [("Parameters", f"{report.parameters:,}"), ("Device", report.device)]
    if report.classes is not None:
        facts.append(("Classes", ", ".join(report.classes)))
    if report.saved is not None:
        facts.append(("Saved", report.saved))
    if report.command == "evaluate":
        columns = [Column("Metric"), Column("Value", numeric=True)]
        return Table(report.model, columns, [[name, value] for name, value in report.logs[0].items()], facts)
    names = sorted(dict.fromkeys(name for row in report.logs for name in row), key=importance) or ["epoch"]
    logs = report.logs[-1:] if last else report.logs
    columns = [Column(name.replace("_", " ").capitalize(), numeric=True, key=name) for name in names]
    return Table(report.model, columns, [[row.get(name) for name in names] for row in logs], facts)


def importance(name: str) -> tuple[bool, bool, bool]:
    """Return the key that sorts the epoch first, then the loss, then what was measured, then that of the validation.

    >>> sorted(["accuracy", "epoch", "loss", "val_accuracy", "val_loss"], key=importance)
    ['epoch', 'loss', 'accuracy', 'val_loss', 'val_accuracy']
    """
    return name != "epoch", name.startswith("val_"), name.removeprefix("val_") != "loss"
