"""Tables as CSV: one header, raw values, nothing else; facts and notes do not belong to a table of data."""

from __future__ import annotations

import csv
import io

from layercli.render.table import Table


def draw(table: Table) -> str:
    """Return the rows as CSV, an absent value as an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.name for column in table.columns)
    writer.writerows(["" if value is None else value for value in row] for row in table.rows)
    return out.getvalue()
