"""The summary of a model as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim
from layercli.core.spec import show_shape
from layercli.errors import UsageError, nearest
from layercli.inspect.summary import Row, Summary
from layercli.render.table import Column, Table, show


def why_unknown(summary: Summary) -> str:
    """Return why the cost is not known, and what makes it known."""
    if summary.failure is not None:
        return "unknown: the forward pass did not end"
    if not summary.inputs:
        return "unknown without an input (--input-shape)"
    if any(size == UNKNOWN for _, spec in summary.inputs for size in spec.shape):
        return "unknown: it depends on sizes without a name (name them, as in --input-shape 1,H,W,3)"
    if not any(dims.names(size) for _, spec in summary.inputs for size in spec.shape):
        return "unknown: some of what it does cannot be counted"
    return "unknown for sizes that are names: give numbers"


def show_shapes(value: Any) -> str:
    """Return the text of a shape, of several, or ``?`` of a layer that is not called."""
    if value is None:
        return "?"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {show_shapes(item)}" for key, item in value.items())
    if any(isinstance(item, (tuple, list, dict)) for item in value):
        return ", ".join(map(show_shapes, value))
    return show_shape(tuple(value))


def show_variables(shapes: dict[str, Any]) -> str:
    """Return the names and shapes of a layer's own variables."""
    return " ".join(f"{name}{show_shape(shape)}" for name, shape in shapes.items()) or "-"


def show_share(share: float) -> str:
    """Return a share of one in percent."""
    return f"{share:.1%}"


def show_cost(cost: Any) -> str:
    """Return the text of a cost: a figure, a formula, or ``?``."""
    return "?" if cost == UNKNOWN else show(cost)


def share_of(row: Row) -> int:
    """Return how many parameters a row has that no row before it has."""
    return (row.parameters or 0) if row.counted is None else row.counted


COLUMNS: dict[str, tuple[Column, Callable[[Row, Summary], Any]]] = {
    "layer": (Column("Layer (type)", key="layer", folds=True), lambda row, _: _layer(row)),
    "input_shape": (Column("Input shape", show=show_shapes), lambda row, _: row.input_shape),
    "output_shape": (Column("Output shape", show=show_shapes), lambda row, _: row.output_shape),
    "parameters": (Column("Parameters", numeric=True), lambda row, _: or_unknown(row.parameters)),
    "trainable": (Column("Trainable", numeric=True), lambda row, _: or_unknown(row.trainable)),
    "macs": (Column("MACs", numeric=True, show=show_cost), lambda row, _: row.macs),
    "variables": (Column("Variables", show=show_variables, folds=True), lambda row, _: row.variables),
    "share": (
        Column("Share", numeric=True, show=show_share),
        lambda row, summary: share_of(row) / summary.totals.parameters if summary.totals.parameters else 0.0,
    ),
}
DEFAULT = ("layer", "output_shape", "parameters")
OF_FILE = ("layer", "parameters", "share")
"""The usual columns of a model, and those of a file of weights."""


def usual(summary: Summary) -> tuple[str, ...]:
    """Return the columns that are shown where none are asked for."""
    return OF_FILE if summary.cls is None else DEFAULT


def table(summary: Summary, columns: tuple[str, ...] = DEFAULT, depth: int = 1, fold: bool = False) -> Table:
    """Return the table of the layers down to ``depth``, with the totals of all; ``fold`` makes a run of blocks alike one."""
    chosen = [COLUMNS[name] for name in columns]
    shown = [row for row in summary.rows if row.depth <= depth]
    rows = collapse_repeats(shown) if fold else shown
    return Table(
        title=summary.name if summary.cls in (None, summary.name) else f"{summary.name} ({summary.cls})",
        columns=[replace(c, title="Layer") if c.key == "layer" and summary.cls is None else c for c, _ in chosen],
        rows=[[value(row, summary) for _, value in chosen] for row in rows],
        facts=facts_of(summary),
        notes=notes(summary, shown, rows),
    )


def facts_of(summary: Summary) -> list[tuple[str, str]]:
    """Return what is said below the table: of a file of weights only what it holds."""
    totals, several = summary.totals, len(summary.outputs) + len(summary.other_outputs) > 1
    others = [f"{name} {cls}" for name, cls in summary.other_outputs]
    held = ("Parameters", f"{totals.parameters:,} ({show_bytes(totals.bytes)})")
    if summary.cls is None:
        return [held]
    return [
        ("Input", ", ".join(f"{name} {spec}" for name, spec in summary.inputs) or "-"),
        (
            "Output",
            ", ".join([*(f"{name} {spec}" if several else str(spec) for name, spec in summary.outputs), *others])
            or "-",
        ),
        held,
        ("Trainable", show(or_unknown(totals.trainable))),
        ("Non-trainable", show(or_unknown(totals.non_trainable))),
        ("MACs", why_unknown(summary) if totals.macs == UNKNOWN else show(totals.macs)),
    ]


def collapse_repeats(rows: list[Row]) -> list[Row]:
    """Return the rows with every run of numbered siblings that are alike, and all below them, as one: ``blocks/0..125``."""
    kept: list[Row] = []
    for block in runs(rows):
        head, *below = block[0]
        path = head.path if len(block) == 1 else f"{head.path}..{block[-1][0].path.rpartition('/')[2]}"
        kept += [replace(head, path=path), *collapse_repeats(below)]
    return kept


def runs(rows: list[Row]) -> list[list[list[Row]]]:
    """Return the top rows, each with those below it, grouped into runs of siblings that are alike."""
    grouped: list[list[list[Row]]] = []
    for block in blocks(rows):
        if (
            grouped
            and repeat_key(grouped[-1][0]) == repeat_key(block) is not None
            and is_next_index(grouped[-1][-1], block)
        ):
            grouped[-1].append(block)
        else:
            grouped.append([block])
    return grouped


def is_next_index(one: list[Row], other: list[Row]) -> bool:
    """Whether two blocks of a numbered list have numbers in a row: what has no variables is not in a file."""
    first, second = (int(block[0].path.rpartition("/")[2]) for block in (one, other))
    return second == first + 1


def blocks(rows: list[Row]) -> list[list[Row]]:
    """Return each row of the least depth together with the deeper ones that follow it."""
    found: list[list[Row]] = []
    for row in rows:
        if not found or row.depth <= found[0][0].depth:
            found.append([])
        found[-1].append(row)
    return found


def repeat_key(block: list[Row]) -> Any:
    """Return what two blocks of a run have in common, or None for a row that is not one of a numbered list."""
    stem, _, number = block[0].path.rpartition("/")
    if not stem or not number.isdecimal():
        return None
    start = len(block[0].path)
    alike = [(row.path[start:], row.cls, row.input_shape, row.output_shape, row.parameters, row.macs) for row in block]
    return stem, alike


def notes(summary: Summary, shown: list[Row], rows: list[Row]) -> list[str]:
    """Return what has to be said of the rows: marks explained, rows folded, levels not shown."""
    found = []
    if len(rows) < len(shown):
        found.append("0..9 stands for ten layers alike: the figures are of each")
    if any(row.shared for row in rows):
        found.append("* called more than once: its parameters count once, its MACs every time")
    if any(isinstance(row.macs, Dim) and "B" in row.macs.names for row in rows):
        found.append("B is the batch size")
    found += [f"{row.path} shares parameters with {', '.join(row.shared_with)}" for row in rows if row.shared_with]
    found += summary.footnotes
    if summary.failure is not None:
        found.append(f"shown up to the call that failed: {summary.failure}")
    hidden = len(summary.rows) - len(shown)
    if hidden:
        found.append(f"{hidden} layer{'s' * (hidden > 1)} below {'are' if hidden > 1 else 'is'} not shown (--depth)")
    return found


def parse_columns(text: str | None, usual: tuple[str, ...] = DEFAULT) -> tuple[str, ...]:
    """Return the columns named in ``text``, with commas between; ``all`` is all of them, ``+macs`` adds to the usual ones."""
    if text is None:
        return usual
    written = [name.strip() for name in text.split(",")]
    names = [name for each in written for name in (COLUMNS if each.removeprefix("+") == "all" else [each])]
    added = [name[1:] for name in names if name.startswith("+")]
    chosen = [*(usual if added else ()), *(name for name in names if not name.startswith("+")), *added]
    for name in chosen:
        if name not in COLUMNS:
            raise UsageError(
                f"there is no column {name!r}",
                hint=nearest(name, [*COLUMNS, "all"]) or f"columns: {', '.join(COLUMNS)}",
            )
    return tuple(dict.fromkeys(chosen))


def show_bytes(count: int) -> str:
    """Return a number of bytes in binary units.

    >>> show_bytes(164), show_bytes(102546848)
    ('164 B', '97.8 MiB')
    """
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{count} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def or_unknown(count: int | None) -> int | str:
    """Return a number of parameters, or a question mark."""
    return "?" if count is None else count


def _layer(row: Row) -> str:
    mark = " *" if row.shared else ""
    return f"{row.path}{mark}" if row.cls is None else f"{row.path} ({row.cls}){mark}"
