"""The table of variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from layercli.core.spec import show_shape
from layercli.core.types import JSONObject
from layercli.inspect.variables import MEASURED, STATISTICS, VariableRow, Variables
from layercli.render.column_choice import kept_longest, of_columns, parse_columns
from layercli.render.quantities import show_bytes
from layercli.render.sparkline import sparkline
from layercli.render.summary import dtype_facts
from layercli.render.table import Column, Table, show


def table(
    variables: Variables, *, columns: str | None = None, values: bool = False, stats: bool = False, brief: bool = False
) -> Table:
    """Return one row per variable and a column for each known property; ``brief`` abbreviates long values."""
    names = columns_of(variables, columns, values=values, stats=stats)
    chosen = [kept_longest(COLUMNS[name], name, columns or OF_OPTIONS) for name in names]
    cells = VariableCells(variables.rows, [getter(name, brief) for name in names])
    return Table(
        title=variables.source,
        columns=chosen,
        rows=cells[:] if "values" in names else cells,  # files are read before anything is printed
        facts=facts_of(variables),
    )


IN_JSON: dict[str, tuple[str, ...]] = {
    "path": ("path", "kind"),
    "dtype": ("dtype", "packed"),
    **{name: (name,) for name in ("shape", "trainable", "parameters", "bytes", "initializer", "sha256", "values")},
    **dict.fromkeys(MEASURED, ("statistics",)),
}
"""The fields of a variable in the JSON document that each column stands for."""


def document(variables: Variables, columns: str | None = None, values: bool = False) -> JSONObject:
    """Return the JSON document, each variable with the fields and statistics that ``columns`` names."""
    found = variables.to_json(values or wants(columns, "values"))
    rows = of_columns(found["variables"], columns, IN_JSON)
    for row in rows if columns is not None else ():
        if "statistics" in row:
            row["statistics"] = {
                name: x for name, x in row["statistics"].items() if "+" in str(columns) or wants(columns, name)
            }
    return {**found, "variables": rows}


def facts_of(variables: Variables) -> list[tuple[str, str]]:
    """Return the totals."""
    facts = [
        ("Variables", show(len(variables.rows))),
        ("Parameters", f"{variables.parameters:,} ({show_bytes(variables.bytes)})"),
    ]
    if len(variables.dtypes) > 1 or variables.packed:
        facts += dtype_facts(variables.dtypes)
    if variables.buffers[0]:
        facts.append(("Buffers", f"{variables.buffers[0]:,} ({show_bytes(variables.buffers[1])})"))
    if variables.state[0]:
        facts.append(("Training state", f"{show(variables.state[0])} variables ({show_bytes(variables.state[1])})"))
    return facts


YIELDS = {"minimum": 13, "maximum": 12, "mean": 9, "std": 8, "zeros": 7, "nonfinite": 11}
"""Which of the statistics yields when a terminal is narrow."""


def red_if_any(count: int | None) -> str:
    """Return the style of a number of defects."""
    return "bold red" if count else ""


def show_histogram(counts: list[int] | None) -> str:
    """Return a histogram as a line of characters, one for two intervals."""
    if not counts:
        return "-"
    return sparkline([0, *(a + b for a, b in zip(counts[::2], counts[1::2], strict=True))])[1:]


COLUMNS = {
    "path": Column("Variable", key="path", shortens=48, middle=True),
    "shape": Column("Shape", show=lru_cache(maxsize=4096)(show_shape), yields=6),
    "dtype": Column("Dtype", yields=4),
    "trainable": Column("Trainable", yields=3),
    "parameters": Column("Parameters", numeric=True, yields=5),
    "bytes": Column("Bytes", numeric=True, yields=2),
    "initializer": Column("Initializer", yields=1),
    **{
        name: Column(
            name.capitalize(), numeric=True, yields=position, style=red_if_any if name == "nonfinite" else None
        )
        for name, position in YIELDS.items()
    },
    "histogram": Column("Histogram", show=show_histogram, yields=10),
    "sha256": Column("SHA-256", key="sha256", shortens=16, yields=1),
    "values": Column("Values", show=str, shortens=40, yields=1),
}

OF_OPTIONS = "sha256,values"
"""The columns that options of their own ask for, which therefore stay; of all columns they are left out first."""


def columns_of(
    variables: Variables | None, text: str | None, *, values: bool = False, stats: bool = False
) -> tuple[str, ...]:
    """Return the columns that ``text`` names, usually all that is known of some variable; UsageError for another."""
    usual = ["path", "shape", "dtype", "trainable", "parameters", "bytes", "initializer"]
    rows = variables.rows if variables is not None else []
    unknown = {
        name for name in ("trainable", "initializer", "sha256") if all(getattr(row, name) is None for row in rows)
    }
    usual = [
        name
        for name in [*usual, *(MEASURED if stats else ()), "sha256", *(["values"] if values else [])]
        if name not in unknown
    ]
    return parse_columns(text, usual, [*COLUMNS])


def wants(text: str | None, *names: str) -> bool:
    """Whether ``--columns`` names one of these columns."""
    return text is not None and any(name in names for name in parse_columns(text, (), [*COLUMNS]))


class VariableCells(Sequence[Sequence[Any]]):
    """What the columns say of each variable, found when it is asked for: of a million, the rows would take much memory."""

    def __init__(self, rows: Sequence[VariableRow], getters: Sequence[Callable[[VariableRow], Any]]) -> None:
        self._rows, self._getters = rows, getters

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return list(zip(*(map(get, self._rows[place]) for get in self._getters), strict=True))
        return tuple(get(self._rows[place]) for get in self._getters)


def getter(name: str, brief: bool) -> Callable[[VariableRow], Any]:
    """Return the function that gives what a column says of one variable."""
    if name == "values":
        return lambda row: show_values(row.read(), brief) if row.unreadable is None else None
    if name in STATISTICS:
        return lambda row: getattr(row.statistics, name, None)
    return attrgetter(name)


def show_values(array: Any, brief: bool = False) -> str:
    """Return the values on one line; ``brief`` shows only the first and last of long axes."""
    import sys

    import numpy as np

    threshold = 8 if brief else sys.maxsize
    text = np.array2string(
        array, threshold=threshold, edgeitems=2, max_line_width=sys.maxsize, precision=4 if brief else None
    )
    return " ".join(text.split())
