"""Variables as a table."""

from __future__ import annotations

from typing import Any

from layercli.core.spec import show_shape
from layercli.inspect.variables import VariableRow, Variables
from layercli.render.summary import show_bytes
from layercli.render.table import Column, Table, show

STATISTICS = ("minimum", "maximum", "mean", "std", "zeros", "nonfinite")


def table(variables: Variables, *, values: bool = False, brief: bool = False) -> Table:
    """Return one row per variable, with a column for each thing known; ``brief`` shortens long values."""
    rows = variables.rows
    columns = [
        Column("Variable", key="path", folds=True),
        Column("Shape", show=show_shape),
        Column("Dtype"),
        Column("Trainable", yields=3),
        Column("Parameters", numeric=True),
        Column("Bytes", numeric=True, yields=2),
        Column("Initializer", folds=True, yields=1),
    ]
    if any(row.statistics for row in rows):
        columns += [Column(name.capitalize(), numeric=True) for name in STATISTICS]
    if values:
        columns.append(Column("Values", show=str, folds=True))
    cells = [row_cells(row, values, brief) for row in rows]
    empty = {i for i in (3, 6) if all(row[i] is None for row in cells)}
    kept = [i for i in range(len(columns)) if i not in empty]
    return Table(
        title=variables.source,
        columns=[columns[i] for i in kept],
        rows=[[row[i] for i in kept] for row in cells],
        facts=[
            ("Variables", show(len(rows))),
            ("Parameters", f"{variables.parameters:,} ({show_bytes(variables.bytes)})"),
            *(
                [("Buffers", f"{variables.buffers[0]:,} ({show_bytes(variables.buffers[1])})")]
                if variables.buffers[0]
                else []
            ),
        ],
    )


def row_cells(row: VariableRow, values: bool, brief: bool) -> list[Any]:
    """Return the cells of one variable."""
    cells = [row.path, row.shape, row.dtype, row.trainable, row.parameters, row.bytes, row.initializer]
    if row.statistics is not None:
        cells += [getattr(row.statistics, name) for name in STATISTICS]
    if values:
        cells.append(show_values(row.read(), brief))
    return cells


def show_values(array: Any, brief: bool = False) -> str:
    """Return the values in a line, all of them, or where ``brief`` the first and last of long axes."""
    import sys

    import numpy as np

    threshold = 8 if brief else sys.maxsize
    text = np.array2string(
        array, threshold=threshold, edgeitems=2, max_line_width=sys.maxsize, precision=4 if brief else None
    )
    return " ".join(text.split())
