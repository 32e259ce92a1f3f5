"""The difference of two models as tables under a verdict, and as annotations for GitHub Actions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from layercli.core.spec import show_shape
from layercli.inspect.diff import ModelDiff
from layercli.inspect.diff_verdict import verdict
from layercli.inspect.edit_script import StructureEdit
from layercli.inspect.variable_matching import VariablePair
from layercli.inspect.variables import VariableRow
from layercli.render.github import annotation
from layercli.render.quantities import show_bytes
from layercli.render.table import Column, Table, red_if_not, show

MOST_VALUES = 20
"""How many variables with other values are listed, the worst first; JSON has all."""
SIGNS = {"added": "+", "removed": "-"}
STYLES = {"+": "green", "-": "red", "~": "yellow", "=": "dim"}


def sign_style(sign: str) -> str:
    """Return the colour of what was added, removed, or changed."""
    return STYLES.get(sign, "")


def tables(diff: ModelDiff) -> list[Table]:
    """Return the verdict with the totals, then what differs in structure, variables and values."""
    found = [Table(verdict(diff), [], [], totals(diff), diff.notes)]
    if diff.unrelated:
        return found
    if diff.edits:
        found.append(structure(diff.edits))
    if diff.only != "structure" and (rows := list(variable_rows(diff))):
        columns = [Column("", key="sign", style=sign_style), Column("Variable", middle=True), Column("Change")]
        columns += [Column("Count", numeric=True, yields=1)]
        found.append(Table("Variables", columns, rows))
    if any(not each.equal for each in diff.values.values()):
        found.append(values(diff))
    return found


def totals(diff: ModelDiff) -> list[tuple[str, str]]:
    """Return the parameters, bytes and MACs of both sides."""
    if diff.only == "values":
        return []
    mine, theirs = diff.a.totals(), diff.b.totals()
    found = [("A", diff.a.name), ("B", diff.b.name)]
    for name, text in (("parameters", show), ("bytes", show_bytes), ("macs", show)):
        a, b = mine[name], theirs[name]
        if a is not None and b is not None:
            title = "MACs" if name == "macs" else name.capitalize()
            found.append((title, text(a) if a == b else f"{text(a)} -> {text(b)}"))
    return found


def structure(edits: list[StructureEdit]) -> Table:
    """Return one row per edit of a module or an operation."""
    columns = [
        Column("", key="sign", style=sign_style),
        Column("Edit"),
        Column("Module", middle=True),
        Column("Class", middle=True, yields=1),
        Column("Arguments"),
    ]
    return Table("Structure", columns, [edit_row(edit) for edit in edits])


def edit_row(edit: StructureEdit) -> list[Any]:
    """Return the cells of one edit."""
    paths = [path or "(the model)" for path in (edit.a, edit.b) if path is not None]
    classes = [name for name in (edit.class_a, edit.class_b) if name is not None]
    arguments = ", ".join(f"{name}: {a or '-'} -> {b or '-'}" for name, (a, b) in edit.arguments.items())
    kind = f"{edit.kind} operation" if edit.operation else edit.kind
    return [SIGNS.get(edit.kind, "~"), kind, change(paths), change(classes), arguments]


def change(texts: list[str]) -> str:
    """Return a text, or two that differ with an arrow between."""
    return " -> ".join(dict.fromkeys(texts))


def variable_rows(diff: ModelDiff) -> Iterable[list[Any]]:
    """Yield a row for what happened to variables; those that differ in numbers alone share one."""
    rules = [rule for rule in diff.matching.rules if rule.count > 1]
    for rule in rules:
        yield ["=", str(rule), "renamed", rule.count]
    ruled = {pair.a.path for pair in diff.matching.pairs if pair.how == "rule"}
    for sign, what, rows in (("-", "removed", diff.matching.removed), ("+", "added", diff.matching.added)):
        yield from grouped(sign, ((row.path, f"{what} {described(row)}") for row in rows))
    if diff.only != "values":
        yield from grouped(
            "~", ((names(pair, ruled), text) for pair in diff.matching.pairs if (text := text_of(diff, pair)))
        )
    for what, groups in (("tied in B only", diff.tied), ("tied in A only", diff.untied)):
        yield from grouped("=", ((" = ".join(paths), what) for paths in groups))


def names(pair: VariablePair, ruled: set[str]) -> str:
    """Return the name of a variable, or both where they differ and no rule tells so."""
    if not pair.renamed or pair.a.path in ruled:
        return pair.b.path
    return f"{pair.a.path} -> {pair.b.path}"


def text_of(diff: ModelDiff, pair: VariablePair) -> str:
    """Return what differs in a matched variable, in words; nothing where it is the same, or a rule tells it."""
    found = diff.changes(pair)
    if pair.reshaped:
        found = [f"{show_shape(pair.a.shape)} -> {show_shape(pair.b.shape)}", *found[1:]]
    if not found and pair.renamed and pair.how in ("value", "shape"):
        return f"renamed (by {pair.how})"
    return ", ".join(found)


def described(row: VariableRow) -> str:
    """Return the shape and the dtype of a variable."""
    return f"{show_shape(row.shape)} {row.dtype}"


def grouped(sign: str, pairs: Iterable[tuple[str, str]]) -> Iterable[list[Any]]:
    """Yield one row for all of the same change whose names differ in numbers alone."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, text in pairs:
        found.setdefault((re.sub(r"\d+", "*", name), text), []).append(name)
    for (pattern, text), paths in found.items():
        yield [sign, paths[0] if len(paths) == 1 else pattern, text, len(paths)]


def values(diff: ModelDiff) -> Table:
    """Return the variables with other values, the worst first."""
    columns = [
        Column("Variable", middle=True),
        Column("Max absolute", numeric=True),
        Column("Max relative", numeric=True, yields=3),
        Column("Cosine", numeric=True, show=lambda value: f"{value:.6g}", yields=2),
        Column("Normalised error", numeric=True, yields=1),
        Column("Close", style=red_if_not),
    ]
    worst = diff.worst_first
    other = {pair.a.path: pair.b.path for pair in diff.matching.pairs}
    rows = [
        [other[name], each.absolute, each.relative, each.cosine, each.normalised, each.close]
        for name in worst[:MOST_VALUES]
        if (each := diff.values[name])
    ]
    rest = len(worst) - len(rows)
    notes = [f"and {rest:,} more, less far apart (--format json has all)"] if rest else []
    return Table("Values", columns, rows, notes=notes)


def github(diff: ModelDiff) -> str:
    """Return GitHub Actions annotations: the verdict, and one for each edit of the structure."""
    lines = [annotation("notice" if diff.same else "error", "layercli diff", verdict(diff))]
    for edit in diff.counted_edits:
        _, kind, path, class_name, arguments = edit_row(edit)
        lines.append(annotation("warning", f"{kind}: {path}", " ".join(filter(None, (class_name, arguments)))))
    return "\n".join(lines) + "\n"
