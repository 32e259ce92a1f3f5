"""Tables as CSV: one header, raw values, nothing else; facts and notes do not belong to a table of data."""

from __future__ import annotations

import csv
import io
from typing import Any

from layercli.escaping import printable
from layercli.render.table import Column, Table


def draw(table: Table) -> str:
    """Return the rows as CSV, an absent value as an empty field."""
    table = table.printable()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in table.columns)
    writer.writerows(map(field, table.columns, row) for row in table.rows)
    return out.getvalue()


def field(column: Column, value: Any) -> Any:
    """Return a value as one field: numbers raw, named values as they are shown, control characters written out."""
    if value is None or value == {}:
        return ""
    if isinstance(value, int | float):
        return value
    return printable(column.show(value) if isinstance(value, dict) else str(value))
