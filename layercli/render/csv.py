"""Tables as CSV: one header and raw values, without facts and notes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from layercli.escaping import printable
from layercli.render.table import Column, Table


def draw(table: Table) -> str:
    """Return the rows as CSV; a missing value is an empty field."""
    table = table.printable()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name for column in table.columns for name in names(column))
    writer.writerows(
        [cell for column, value in zip(table.columns, row, strict=True) for cell in cells(column, value)]
        for row in table.rows
    )
    return out.getvalue()


def names(column: Column) -> list[str]:
    """Return the names of the fields that a column becomes."""
    return [name for name, _ in column.fields] or [column.name]


def cells(column: Column, value: object) -> list[Any]:
    """Return the fields that a value becomes."""
    return [field(part(value)) for _, part in column.fields] or [field(value)]


def field(value: object) -> Any:
    """Return a value as one field: raw numbers, other values as displayed, control characters escaped."""
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return printable(str(value))
