"""The table of a model summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim
from layercli.core.spec import show_shape
from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.inspect.dtype_totals import DtypeTotal
from layercli.inspect.summary import Row, Summary, json_shapes
from layercli.render import folded_rows
from layercli.render.column_choice import kept_longest, of_columns, parse_columns
from layercli.render.quantities import show_bytes, show_share
from layercli.render.table import Column, Table, show
from layercli.render.tree_guides import guides, names_below

if TYPE_CHECKING:
    from layercli.inspect.decoding import DecodingStep


def why_unknown(summary: Summary) -> str:
    """Return why the cost is unknown and how to make it known."""
    if summary.failure is not None:
        return "unknown: the forward pass failed"
    if not summary.inputs:
        return "unknown without an input (--input-shape)"
    if any(size == UNKNOWN for _, spec in summary.inputs for size in spec.shape):
        return "unknown: it depends on sizes without a name (name them, as in --input-shape 1,H,W,3)"
    if not any(dims.names(size) for _, spec in summary.inputs for size in spec.shape):
        return "unknown: some of its operations cannot be counted"
    return "unknown for sizes that are names: give numbers"


def show_shapes(value: Any) -> str:
    """Return the text of one shape or several; ``?`` for a layer that is not called."""
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


def show_cost(cost: object) -> str:
    """Return the text of a cost: a number, a formula, or ``?``."""
    return "?" if cost == UNKNOWN else show(cost)


def show_count(count: int | None) -> str:
    """Return a number of parameters, or a question mark."""
    return "?" if count is None else show(count)


def shape_field(name: str) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Return the one field that a shape is in CSV: as JSON has it."""
    return ((name, json_shapes),)


COST_FIELDS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("macs", lambda cost: cost if isinstance(cost, int) else None),
    ("macs_formula", lambda cost: str(cost) if isinstance(cost, Dim) and cost != UNKNOWN else None),
)
"""A cost in CSV: the figure, and the formula of one that depends on sizes that have names."""


def counted_of(row: Row) -> int | None:
    """Return the number of parameters that a row shows: those that no row above has, of one layer where several are folded."""
    if row.parameters is None or row.counted is None or (row.repeats > 1 and row.counted):
        return row.parameters
    return row.counted


@dataclass(frozen=True)
class LayerLabel:
    """What the first column says of a layer: its path, its class, and by a star that it is called more than once."""

    path: str
    type: str | None
    shared: bool
    repeats: int = 1
    """How many equal layers the row stands for."""
    branch: str = ""
    """In a tree: the guides, and the name below the layer above it; else nothing."""

    def __str__(self) -> str:
        path = self.branch or self.path
        named = path if self.type is None else f"{path} ({self.type})"
        return f"{named} *" if self.shared else named


LAYER_FIELDS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("path", lambda label: label.path),
    ("type", lambda label: label.type),
    ("shared", lambda label: label.shared),
    ("repeats", lambda label: label.repeats),
)


COLUMNS: dict[str, tuple[Column, Callable[[Row, Summary], Any]]] = {
    "layer": (
        Column("Layer (type)", key="layer", shortens=24, middle=True, fields=LAYER_FIELDS),
        lambda row, _: LayerLabel(row.path, row.cls, row.shared, row.repeats),
    ),
    "input_shape": (
        Column("Input shape", show=show_shapes, yields=4, fields=shape_field("input_shape")),
        lambda row, _: row.input_shape,
    ),
    "output_shape": (
        Column("Output shape", show=show_shapes, yields=5, fields=shape_field("output_shape")),
        lambda row, _: row.output_shape,
    ),
    "parameters": (Column("Parameters", numeric=True, show=show_count, yields=7), lambda row, _: counted_of(row)),
    "trainable": (Column("Trainable", numeric=True, show=show_count, yields=3), lambda row, _: row.trainable),
    "macs": (Column("MACs", numeric=True, show=show_cost, yields=6, fields=COST_FIELDS), lambda row, _: row.macs),
    "variables": (Column("Variables", show=show_variables, shortens=24, yields=1), lambda row, _: row.variables),
    "share": (
        Column("Share of parameters", numeric=True, show=show_share, key="share", bar=True, yields=2),
        lambda row, summary: row.share(summary.totals.parameters),
    ),
}
DEFAULT = ("layer", "output_shape", "parameters")
OF_FILE = ("layer", "parameters", "share")
"""The default columns for a model, and for a weight file."""
IN_JSON: dict[str, tuple[str, ...]] = {name: (name,) for name in COLUMNS} | {
    "layer": ("path", "name", "class", "depth", "shared", "shared_with"),
    "trainable": ("trainable", "non_trainable"),
    "macs": ("macs", "macs_formula"),
}
"""The fields of a row of the JSON document that each column stands for."""


def usual(summary: Summary) -> tuple[str, ...]:
    """Return the default columns."""
    return OF_FILE if summary.cls is None else DEFAULT


def columns_of(summary: Summary | None, text: str | None) -> tuple[str, ...]:
    """Return the columns that ``text`` names, of a summary or of any; UsageError for one that there is not."""
    return parse_columns(text, usual(summary) if summary is not None else DEFAULT, COLUMNS)


def document(summary: Summary, columns: str | None = None, depth: int | None = None) -> JSONObject:
    """Return the JSON document with the rows down to ``depth``, each with the fields of the columns that ``columns`` names."""
    shown = columns_of(summary, columns) if columns is not None else ()
    found = summary.to_json(depth, variables="variables" in shown)
    return {**found, "rows": of_columns(found["rows"], columns, IN_JSON)}


def table(
    summary: Summary, columns: str | None = None, depth: int = 1, fold: bool = False, tree: bool = False
) -> Table:
    """Return the table of the layers down to ``depth``, with the totals of all.

    ``fold`` collapses runs of equal blocks; ``tree`` draws the nesting, with names instead of paths.
    """
    names = columns_of(summary, columns)
    chosen = [(kept_longest(COLUMNS[name][0], name, columns), COLUMNS[name][1]) for name in names]
    shown = [row for row in summary.rows if row.depth <= depth]
    rows = folded_rows.folded(shown) if fold else shown
    cells = [[value(row, summary) for _, value in chosen] for row in rows]
    if tree and any(row.depth > 1 for row in rows) and "layer" in names:
        branch(cells, names.index("layer"), rows)
    return Table(
        title=summary.name if summary.cls in (None, summary.name) else f"{summary.name} ({summary.cls})",
        columns=[replace(c, title="Layer") if c.key == "layer" and summary.cls is None else c for c, _ in chosen],
        rows=cells,
        facts=facts_of(summary),
        notes=notes(summary, shown, rows),
    )


def branch(cells: list[list[Any]], place: int, rows: list[Row]) -> None:
    """Show the labels of layers, which are at ``place`` in each row, as a tree."""
    depths = [row.depth for row in rows]
    for line, guide, name in zip(cells, guides(depths), names_below([row.path for row in rows], depths), strict=True):
        line[place] = replace(line[place], branch=f"{guide}{name}")


def facts_of(summary: Summary) -> list[tuple[str, str]]:
    """Return the facts below the table; for a weight file only those about its content."""
    totals, several = summary.totals, len(summary.outputs) + len(summary.other_outputs) > 1
    others = [f"{name} {cls}" for name, cls in summary.other_outputs]
    held = ("Parameters", f"{totals.parameters:,} ({show_bytes(totals.bytes)})")
    if summary.cls is None:
        described_rows = [("Kind", summary.kind), ("Metadata", summary.metadata)]
        facts = [held, *dtype_facts(summary.dtypes), *((name, text) for name, text in described_rows if text)]
        return [*facts, *(summary.adapter.facts() if summary.adapter else [])]
    return [
        ("Input", ", ".join(f"{name} {spec}" for name, spec in [*summary.inputs, *summary.other_inputs]) or "-"),
        (
            "Output",
            ", ".join([*(f"{name} {spec}" if several else str(spec) for name, spec in summary.outputs), *others])
            or "-",
        ),
        held,
        *dtype_facts(summary.dtypes),
        *([("Active", active_text(summary.active, totals.parameters))] if summary.active is not None else []),
        ("Trainable", show_count(totals.trainable)),
        ("Non-trainable", show_count(totals.non_trainable)),
        ("MACs", why_unknown(summary) if totals.macs == UNKNOWN else show(totals.macs)),
        *([] if summary.decoding is None else decoding_facts(summary.decoding)),
    ]


def active_text(active: int, parameters: int) -> str:
    """Return how many parameters each token uses, and their share."""
    return f"{active:,} for each token ({show_share(active / parameters)})"


def decoding_facts(step: DecodingStep) -> list[tuple[str, str]]:
    """Return the size of the cache and the cost of the next token."""
    cache = show_bytes(step.cache) if isinstance(step.cache, int) else f"{step.cache} bytes"
    return [("States" if step.recurrent else "KV cache", cache), ("Next token", f"{show_cost(step.macs)} MACs")]


def dtype_facts(totals: list[DtypeTotal]) -> list[tuple[str, str]]:
    """Return a fact that names the dtypes, with the parameters of each if there are several, and the bits of quantized ones."""
    if len(totals) == 1 and not totals[0].quantized:
        return [("Dtype", totals[0].dtype)]
    return [("Dtypes" if len(totals) > 1 else "Dtype", ", ".join(map(show_dtype, totals)))] if totals else []


def show_dtype(total: DtypeTotal) -> str:
    """Return the text of one dtype with its parameters, and how many bits a quantized one takes."""
    text = f"{total.dtype} {total.parameters:,}"
    if not total.quantized or total.bits is None:
        return text
    scales = f", {8 * total.overhead / total.parameters:.3g} of them scales" if total.overhead else ""
    return f"{text} ({total.bits:.4g} bits each{scales})"


def notes(summary: Summary, shown: list[Row], rows: list[Row]) -> list[str]:
    """Return the footnotes: explained marks, collapsed rows, hidden levels."""
    found = []
    if any(row.repeats > 1 for row in rows):
        found.append("0..9 stands for ten equal layers: figures of each, shares of all (--no-fold)")
    if any(row.path.endswith(folded_rows.MORE) for row in rows):
        found.append(f"the layers beyond {folded_rows.MOST_ROWS:,} rows are summed, one row for each type (--no-fold)")
    if any(row.shared for row in rows):
        found.append("* called more than once: its parameters count once, its MACs for each call")
    if any(isinstance(row.macs, Dim) and "B" in row.macs.names for row in rows):
        found.append("B is the batch size")
    if summary.decoding is not None:
        kept = "states" if summary.decoding.recurrent else "KV cache"
        found.append(f"Next token: one more of each text, with the {kept} of those before it")
    found += [f"{row.path} shares parameters with {', '.join(row.shared_with)}" for row in rows if row.shared_with]
    found += summary.footnotes
    if summary.failure is not None:
        found.append(f"shown up to the failing call: {summary.failure}")
    hidden = len(summary.rows) - len(shown)
    if hidden:
        found.append(f"{hidden} layer{'s' * (hidden > 1)} below {'are' if hidden > 1 else 'is'} not shown (--depth)")
    return found
