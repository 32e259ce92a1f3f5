"""The tables of variables rolled up by module, and of the metadata of a file."""

from __future__ import annotations

from typing import Any

from layercli.formats.json_numbers import json_ready
from layercli.inspect.value_checks import ValueFault
from layercli.inspect.variable_selection import VariableGroup
from layercli.inspect.variables import STATISTICS, Variables
from layercli.render.json import quoted
from layercli.render.quantities import show_share
from layercli.render.table import Column, Table, severity_style, show
from layercli.render.variables import COLUMNS, facts_of


def groups_table(variables: Variables, groups: list[VariableGroup], stats: bool) -> Table:
    """Return one row per module with the number of its variables and their sizes, and with the statistics of all of them."""
    measured = STATISTICS if stats else ()
    columns = [
        Column("Module", key="path", shortens=24, middle=True),
        Column("Variables", numeric=True, yields=3),
        Column("Parameters", numeric=True),
        Column("Share of parameters", numeric=True, key="share", show=show_share, bar=True, yields=5),
        Column("Bytes", numeric=True, yields=2),
        Column("Dtypes", show=", ".join, yields=4),
        *(COLUMNS[name] for name in measured),
    ]
    total = variables.parameters or 1
    rows: list[list[Any]] = [
        [
            group.path, group.variables, group.parameters, group.parameters / total, group.bytes, group.dtypes,
            *(getattr(group.statistics, name, None) for name in measured),
        ]
        for group in groups
    ]  # fmt: skip
    return Table(variables.source, columns, rows, facts_of(variables))


def metadata_table(source: str, metadata: dict[str, object]) -> Table:
    """Return one row per key."""
    columns = [Column("Key", shortens=24, middle=True), Column("Value", shortens=24, show=show_value)]
    facts = [] if metadata else [("Metadata", "none")]
    return Table(source, columns if metadata else [], [[key, value] for key, value in metadata.items()], facts)


def show_value(value: object) -> str:
    """Return a value as text: a text as it is, others as in JSON."""
    return value if isinstance(value, str) else quoted(json_ready(value))


def faults_table(variables: Variables, faults: list[tuple[str, ValueFault]]) -> Table:
    """Return one row per fault in the values of variables."""
    columns = [
        Column("Severity", style=severity_style),
        Column("Code"),
        Column("Variable", shortens=24, middle=True),
        Column("Finding", folds=True),
    ]
    rows = [[fault.severity, fault.code, path, fault.text] for path, fault in faults]
    facts = [*facts_of(variables), ("Findings", show(len(rows)))]
    return Table(variables.source, columns if rows else [], rows, facts)
