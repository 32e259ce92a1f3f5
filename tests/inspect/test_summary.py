"""Summaries agree with what the model then does, and say what they do not know."""

from __future__ import annotations

import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from layercli import Input, Model, ops
from layercli.core import dims, tree
from layercli.core.dims import UNKNOWN
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.inspect.input_generation import filled
from layercli.inspect.layer_call import input_names, offered_inputs
from layercli.inspect.layer_summary import summarize
from layercli.inspect.model_loader import named_models
from layercli.inspect.shape_parser import fill, inputs_of
from layercli.layers.core.dense import Dense
from layercli.models import APPLICATIONS
from layercli.render import plain
from layercli.render.summary import table
from layercli.sources.resolve import resolve

OWN = [name for name in named_models() if name not in APPLICATIONS]  # tests/models/test_applications.py has those
SMALL = {
    "transformer-encoder": ["blocks=2", "width=16", "heads=2", "hidden=32"],
    "lstm": ["features=4", "units=5"],
    "resnet50": ["classes=7"],
}


def small(name):
    """Return a named model, cut down where it is large, and its inputs with every size a number."""
    model = resolve(name, SMALL.get(name, [])).model
    inputs = inputs_of(model, ["1,64,64,3"] if name == "resnet50" else ["2,5,6,3"] if name == "sequential" else [], [])
    names = {name for spec in tree.flatten(inputs) for size in spec.shape for name in dims.names(size)}
    return model, inputs, fill(inputs, dict.fromkeys(names, 6))


@pytest.mark.parametrize("name", OWN)
def test_shapes_parameters_and_cost_are_those_of_execution(name):
    model, _, inputs = small(name)
    summary = summarize(model, inputs)
    arrays = tree.map_structure(torch.from_numpy, filled(inputs, input_names(model, inputs), "random", 0))
    with torch.inference_mode():
        outputs = model(arrays)
    shapes = [Spec(tuple(y.shape), str(y.dtype).removeprefix("torch.")) for y in tree.flatten(outputs)]
    assert [spec for _, spec in summary.outputs] == shapes
    state = {id(t): t for t in (*model.module.parameters(), *model.module.buffers())}.values()
    assert summary.totals.parameters == sum(t.numel() for t in state)
    assert summary.totals.trainable == sum(t.numel() for t in state if t.requires_grad)
    assert summary.totals.bytes == sum(t.numel() * t.element_size() for t in state)
    model.module.to("meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(tree.map_structure(lambda x: x.to("meta"), arrays))
    assert 2 * summary.totals.macs == counter.get_total_flops()


@pytest.mark.parametrize("name", OWN)
def test_formulas_evaluate_to_the_figures(name):
    model, symbolic, inputs = small(name)
    sizes = dict.fromkeys("BT", 6)
    formula, figure = summarize(model, symbolic), summarize(model, inputs)
    assert dims.at(formula.totals.macs, sizes) == figure.totals.macs
    assert [spec.at(sizes) for _, spec in formula.outputs] == [spec for _, spec in figure.outputs]


def test_rows_add_up():
    for name in ("resnet-block", "decoder", "mlp", "my-dense", "linear-regression"):
        summary = summarize(resolve(name).model)
        top = [row for row in summary.rows if row.depth == 1]
        assert sum(row.parameters for row in top) == summary.totals.parameters
        assert dims.total(row.macs for row in top) == summary.totals.macs


def test_a_layer_used_twice_counts_once_and_is_marked():
    inputs = Input((4,))
    shared = Dense(4, name="shared")
    model = Model(inputs, Dense(1, name="head")(shared(ops.relu(shared(inputs)))))
    summary = summarize(model)
    rows = {row.path: row for row in summary.rows}
    assert (rows["shared"].shared, rows["head"].shared) == (True, False)
    assert summary.totals.parameters == 20 + 5
    assert str(rows["shared"].macs) == "32*B"
    text = plain.draw(table(summary))
    assert "shared (Dense) *" in text
    assert "* called more than once: its parameters count once, its MACs for each call" in text


def test_a_layer_never_called_is_listed_without_shapes():
    class Spare(Model):
        def __init__(self):
            super().__init__()
            self.used, self.spare = Dense(2), Dense(3)

        def call(self, inputs):
            return self.used(inputs)

    summary = summarize(Spare(), Spec((1, 4)))
    assert [(row.path, row.output_shape, row.parameters) for row in summary.rows] == [
        ("used", (1, 2), 10),
        ("spare", None, None),
    ]
    assert re.search(r"spare \(Dense\) +\? +\?", plain.draw(table(summary)))
    assert summary.to_json()["rows"][1]["parameters"] is None


def test_a_cost_that_cannot_be_known_is_said_to_be_so():
    summary = summarize(resolve("sequential").model)
    assert summary.totals.macs == UNKNOWN
    document = summary.to_json()
    assert document["totals"]["macs"] is None
    assert document["inputs"] == [{"name": "inputs", "shape": [None, None, None, 3], "dtype": "float32"}]
    assert "MACs:           unknown: it depends on sizes without a name" in plain.draw(table(summary))


def test_a_named_size_is_its_formula():
    document = summarize(resolve("transformer-encoder", ["blocks=1"]).model).to_json()
    assert document["outputs"] == [{"name": "output", "shape": [None, "T", 512], "dtype": "float32"}]
    assert (document["totals"]["macs"], document["totals"]["macs_formula"]) == (None, "1024*B*T^2 + 3145728*B*T")


def test_a_model_whose_input_is_not_known():
    class Net(Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(UsageError) as raised:
        summarize(Net(name="net"))
    assert str(raised.value) == "net (Net) was never called, so the shape of its input is not known"
    assert raised.value.hint == "give it one: --input-shape 32,100 on the command line, or call it first"


@pytest.mark.parametrize(
    ("name", "settings", "parameters"),
    [
        ("resnet-block", [], 41),
        ("sequential", [], 41),
        ("lenet", [], 61_706),
        ("resnet50", [], 25_636_712),
        ("decoder", ["preset=8b"], 8_030_261_248),
        ("decoder", ["preset=70b"], 70_553_706_496),
        ("decoder", ["preset=405b"], 405_853_388_800),
    ],
)
def test_published_sizes(name, settings, parameters):
    assert summarize(resolve(name, settings).model).totals.parameters == parameters


def test_layers_that_contain_each_other_are_counted_once():
    class Inner(Layer):
        def setup(self):
            self.dense = Dense(3)

        def call(self, x):
            return self.dense(x)

    class Outer(Layer):
        def setup(self):
            self.inner, self.head = Inner(), Dense(2)
            self.inner.outer = self

        def call(self, x):
            return self.head(self.inner(x))

    found = summarize(Outer(), Spec((1, 4)))
    assert {row.path: row.parameters for row in found.rows} == {"inner": 15, "inner/dense": 15, "head": 8}
    assert found.totals.parameters == 23


class Pair(Layer):
    def setup(self):
        self.dense = Dense(4)

    def call(self, left, right, mask=None):
        return self.dense(left) + right


def test_a_model_that_was_called_on_two_inputs_is_described_on_both():
    model = Pair()
    model(torch.rand(2, 3), torch.rand(2, 4), torch.rand(2, 4))
    assert offered_inputs(model) == [Spec((2, 3)), Spec((2, 4))]
    assert summarize(model).totals.macs == 2 * 3 * 4
