"""The table of named models."""

from __future__ import annotations

from typing import Any

from layercli.inspect.named_models import NamedModels
from layercli.render.table import Column, Table


def show_settings(settings: dict[str, Any]) -> str:
    """Return arguments as they are typed: ``filters=1,2,3``."""
    return " ".join(f"{name}={show_value(value)}" for name, value in settings.items()) or "-"


def show_value(value: Any) -> str:
    """Return a value as it is typed."""
    if isinstance(value, list):
        return ",".join(map(show_value, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


SETTINGS: tuple[tuple[str, Any], ...] = (("settings", lambda settings: show_settings(settings).strip("-")),)


def table(report: NamedModels) -> Table:
    """Return one row per model."""
    columns = [
        Column("Model"),
        Column("What it is", key="description", shortens=16),
        Column("Settings", show=show_settings, shortens=24, yields=1, fields=SETTINGS),
    ]
    return Table("", columns, [[entry.name, entry.line, entry.settings] for entry in report.entries])
