"""What ``layercli vars`` shows instead of the variables: modules, faults in values, or the metadata of a file."""

from __future__ import annotations

import os

import typer

from layercli.cli import options, output
from layercli.errors import UsageError
from layercli.inspect.variables import Variables

SCHEMA = "layercli.vars/1"


def check_options(context: typer.Context, depth: int | None, check: bool) -> None:
    """Refuse options that a view has no use for."""
    if check and depth is not None:
        raise UsageError("--check lists faults, and --depth modules: give one of them")
    for name in ("values", "hash_", "columns", *(["stats", "sort"] if check else [])):
        option = f"--{name.strip('_')}"
        why = f"{option} is of single variables, and --depth shows modules"
        options.check_use(
            context, name, depth is None and not check, f"{option} has no use with --check" if check else why
        )


def groups(found: Variables, depth: int, key: str | None, stats: bool, format: output.Format | None) -> None:
    """Show the variables rolled up by module."""
    from layercli.inspect.variable_selection import ordered_groups, rolled_up
    from layercli.render.variable_groups import groups_table

    rows = rolled_up(found, depth)
    if key is not None:
        rows = ordered_groups(rows, key)
    document = {"schema": SCHEMA, "modules": [row.to_json() for row in rows], "totals": found.to_json()["totals"]}
    output.emit(groups_table(found, rows, stats), lambda: document, format)


def faults(found: Variables, format: output.Format | None) -> int:
    """Show what is wrong with values; 1 if there are NaN or infinities."""
    from layercli.inspect.value_checks import value_faults
    from layercli.render.variable_groups import faults_table

    rows = [(row.path, fault) for row in found.rows if row.unreadable is None for fault in value_faults(row)]
    bad = any(fault.severity == "error" for _, fault in rows)
    findings = [
        {"variable": path, "code": fault.code, "severity": fault.severity, "text": fault.text} for path, fault in rows
    ]
    document = {"schema": SCHEMA, "sound": not bad, "findings": findings, "totals": found.to_json()["totals"]}
    output.emit(faults_table(found, rows), lambda: document, format)
    return 1 if bad else 0


def metadata(context: typer.Context, model: str, pattern: str | None, format: output.Format | None) -> None:
    """Show the metadata of a file, or those whose keys match the pattern."""
    from layercli.formats.file_metadata import metadata_of
    from layercli.formats.json_numbers import json_ready
    from layercli.inspect.glob import matches
    from layercli.render.variable_groups import metadata_table

    for name in ("values", "stats", "hash_", "sort", "where", "depth", "check", "columns", "set_", "input_shape"):
        options.check_use(context, name, False, f"--{name.strip('_').replace('_', '-')} has no use with --metadata")
    if not os.path.exists(model):
        raise UsageError(f"{model} is no file, and metadata are what a file holds")
    found = {key: value for key, value in metadata_of(model).items() if pattern is None or matches(key, pattern)}
    output.emit(metadata_table(model, found), lambda: {"schema": SCHEMA, "metadata": json_ready(found)}, format)
