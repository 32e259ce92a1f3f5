"""How many rows a summary shows of layers that are not alike."""

from __future__ import annotations

from dataclasses import replace

from layercli import Sequential, layers
from layercli.core.spec import Spec
from layercli.inspect.layer_summary import summarize
from layercli.render import folded_rows
from layercli.render import summary as rendered
from layercli.render.summary import counted_of


class Twice(layers.Layer):
    """Two parts with one layer in both."""

    def setup(self):
        shared = layers.Dense(4)
        self.one, self.two = Sequential([shared, layers.ReLU()]), Sequential([layers.Dense(4), shared])

    def call(self, x):
        return self.two(self.one(x))


def test_the_parameters_of_a_column_are_all_of_the_model():
    report = summarize(Twice(), Spec((2, 4)))
    parts = [row for row in report.rows if row.depth == 1]
    assert [(row.path, row.parameters, counted_of(row)) for row in parts] == [("one", 20, 20), ("two", 40, 20)]
    assert sum(row.share(report.totals.parameters) for row in parts) == 1


def test_more_layers_than_rows_are_one_row_for_each_type(monkeypatch):
    monkeypatch.setattr(folded_rows, "MOST_ROWS", 4)
    sizes = [3, 5, 2, 7, 4]
    model = Sequential([layers.Input((4,)), *(each for n in sizes for each in (layers.Dense(n), layers.ReLU()))])
    report = summarize(model)
    table = rendered.table(report, "+trainable,+macs,+share", fold=True)
    more, relu = table.rows[2:]
    assert [str(row[0]) for row in table.rows[2:]] == ["4 more (Dense)", "4 more (ReLU)"]
    assert [row[0].repeats for row in table.rows] == [1, 1, 1, 1]  # the figures are sums, not those of one
    parameters = 20 + 12 + 21 + 32  # of Dense(5) on 3 to Dense(4) on 7
    assert (more[2], more[3], str(more[4])) == (parameters, parameters, f"{parameters - 18}*B")
    assert more[5] == parameters / (parameters + 15)
    assert relu[2] == 0
    assert "the layers beyond 4 rows are summed, one row for each type (--no-fold)" in table.notes
    assert len(rendered.table(report).rows) == 10
    report.rows[-2] = replace(report.rows[-2], parameters=None)  # not built
    report.rows[2] = replace(report.rows[2], shared_with=["dense"])
    table = rendered.table(report, fold=True)
    assert [row[2] for row in table.rows[2:]] == [None, 0]
    assert not any("shares parameters" in note for note in table.notes)
