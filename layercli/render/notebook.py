"""What a notebook shows of models, variables, histories and reports: ``_repr_html_``, and the text of a summary."""

from __future__ import annotations

import math
from typing import Any

from layercli.callbacks.history import History
from layercli.core.layer import Layer
from layercli.core.variable import Variable
from layercli.errors import LayercliError
from layercli.gpu.report import GpuReport
from layercli.inspect.diff import ModelDiff
from layercli.inspect.layer_summary import summarize
from layercli.inspect.summary import Summary
from layercli.inspect.variables import Variables
from layercli.render import diff, gpu, html_table, plain, variables
from layercli.render import summary as summaries
from layercli.render.chart import Axis, Series, chart
from layercli.render.table import Column, Table

SHORT = 100
"""How many values of a variable are shown whole; of more the first and last of each axis."""

DRAWN = 10_000_000
"""How many initial values are drawn to show those of a variable: a tenth of a second."""


def html(shown: object) -> str:
    """Return an object as HTML; what can only be named is."""
    match shown:
        case Layer():
            return layer(shown)
        case Variable():
            return variable(shown)
        case History():
            return history(shown)
        case Summary() | Variables():
            return html_table.draw(table_of(shown))
        case ModelDiff():
            return html_table.draw(diff.tables(shown))
        case GpuReport():
            return html_table.draw(gpu.tables(shown))
    return html_table.preformatted(repr(shown))


def text(shown: Summary | Variables) -> str:
    """Return a summary as ``layercli summary`` prints it, or variables as ``layercli vars`` does."""
    return plain.draw(table_of(shown)).rstrip("\n")


def table_of(shown: Summary | Variables) -> Table:
    """Return the table of a summary, or of variables with the statistics that were measured."""
    if isinstance(shown, Summary):
        return summaries.table(shown, fold=True)
    return variables.table(shown, stats=any(row.statistics is not None for row in shown.rows), brief=True)


def layer(shown: Layer) -> str:
    """Return the summary of a layer, or its name if its inputs are not known."""
    try:
        return html_table.draw(summaries.table(summarize(shown), fold=True))
    except LayercliError:
        return html_table.preformatted(repr(shown))


def variable(shown: Variable) -> str:
    """Return the name, the shape and the dtype of a variable, and its values if it has some, shortened."""
    import numpy as np

    if not has_values(shown) or not is_at_hand(shown.stored):
        return html_table.preformatted(repr(shown))
    title = html_table.draw(Table(f"{shown.path}: {shown.spec}", [], []))
    return title + html_table.preformatted(np.array2string(shown.numpy(), threshold=SHORT, edgeitems=3))


def has_values(shown: Variable) -> bool:
    """Return whether a variable has a value, or gets its initial one soon: with those of the model that it is in."""
    if getattr(shown.owner, "_module", shown) is not None:  # a number of an optimizer holds itself
        return True
    model = getattr(shown.owner, "_root", None) or shown.owner
    drawn = (model.variables if model.built else None) if isinstance(model, Layer) else [shown]
    return drawn is not None and sum(math.prod(each.shape) for each in drawn) <= DRAWN


def is_at_hand(stored: Any) -> bool:
    """Return whether a value can be shown without the other ranks, which hold their parts of a sharded one."""
    return not (stored.is_meta or hasattr(stored, "full_tensor"))


def history(shown: History) -> str:
    """Return the logs of every epoch, and their curves."""
    names = list(shown.history)
    rows: list[list[Any]] = [
        [epoch + 1, *(value_at(shown.history[name], i) for name in names)] for i, epoch in enumerate(shown.epoch)
    ]
    columns = [Column("Epoch", numeric=True), *(Column(name, numeric=True) for name in names)]
    series = [
        Series(name, [(r[0], as_number(r[i + 1])) for r in rows], dashed=name.startswith("val_"))
        for i, name in enumerate(names)
    ]
    drawn = chart("Metrics over the epochs", series, Axis("epoch", whole=True)) if len(rows) > 1 else ""
    return html_table.draw(Table("History", columns, rows)) + drawn


def value_at(values: list[object], place: int) -> object:
    """Return the value of an epoch, None where a metric was not logged then."""
    return values[place] if place < len(values) else None


def as_number(value: object) -> float:
    """Return a logged value as a number, NaN for another one."""
    return float(value) if isinstance(value, float | int) else math.nan
