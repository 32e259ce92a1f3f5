"""The table of named models."""

from __future__ import annotations

from typing import Any

from layercli.inspect.named_models import NamedModels
from layercli.render.table import Column, Table


def show_settings(settings: dict[str, object]) -> str:
    """Return arguments as they are typed: ``filters=1,2,3``."""
    return " ".join(f"{name}={show_value(value)}" for name, value in settings.items())


def show_usual(settings: dict[str, object]) -> str:
    """Return the arguments that have a value without those of every network of keras.applications that few set."""
    return show_settings({k: v for k, v in settings.items() if v is not None and k not in SELDOM}) or "-"


def show_value(value: object) -> str:
    """Return a value as it is typed."""
    if isinstance(value, list | tuple):
        return ",".join(map(show_value, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


SELDOM = frozenset({"classifier_activation", "include_preprocessing", "input_shape", "name"})
SETTINGS: tuple[tuple[str, Any], ...] = (("settings", show_settings),)


def table(report: NamedModels) -> Table:
    """Return one row per model."""
    columns = [
        Column("Model"),
        Column("What it is", key="description", shortens=59),
        Column("Settings", show=show_usual, shortens=24, yields=1, fields=SETTINGS),
    ]
    rows = [[entry.name, entry.line, entry.settings] for entry in report.entries]
    return Table("", columns, rows, notes=["settings that few set are not shown: --format json has all"])
