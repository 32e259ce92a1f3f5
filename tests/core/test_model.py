"""Models drawn from inputs to outputs, and stacks."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from layercli import Input, Layer, Model, Sequential, layers, ops
from layercli.errors import ShapeError, UsageError
from layercli.layers.core.dense import Dense


def two_in_two_out():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    joined = Dense(4, name="joined")(a + b)
    return Model({"a": a, "b": b}, [Dense(2, name="left")(joined), ops.relu(joined)])


def test_several_inputs_and_outputs():
    model = two_in_two_out()
    x = {"b": np.ones((2, 3)), "a": np.zeros((2, 3))}
    left, right = model(x)
    assert (tuple(left.shape), tuple(right.shape)) == ((2, 2), (2, 4))
    same = model({"a": np.ones((2, 3)), "b": np.zeros((2, 3))})
    assert torch.equal(left, same[0])


def test_the_graph_computes_what_its_layers_do():
    inputs = Input((3,))
    first, second = Dense(4), Dense(2)
    model = Model(inputs, second(ops.tanh(first(inputs))) * 2.0 + 1.0)
    x = torch.randn(5, 3)
    assert torch.equal(model(x), second(ops.tanh(first(x))) * 2.0 + 1.0)


def test_models_inside_models():
    inner_input = Input((4,))
    inner = Model(inner_input, Dense(3)(inner_input), name="inner")
    outer_input = Input((4,))
    outer = Model(outer_input, inner(outer_input) + inner(outer_input * 2))
    x = torch.randn(2, 4)
    assert torch.allclose(outer(x), inner(x) + inner(x * 2))
    assert list(outer.named_variables()) == ["inner/dense/kernel", "inner/dense/bias"]
    assert outer.count_params() == 15


def test_a_model_subclass_may_be_used_in_a_drawn_one():
    class Twice(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(3)

        def call(self, inputs):
            return self.dense(self.dense(inputs))

    inputs = Input((3,))
    model = Model(inputs, Twice()(inputs))
    assert tuple(model(np.ones((2, 3))).shape) == (2, 3)


def test_names_do_not_depend_on_what_was_made_before():
    def paths():
        inputs = Input((3,))
        return list(Model(inputs, Dense(2)(Dense(4)(Dense(4, name="mine")(inputs)))).named_variables())

    assert paths() == paths() == [
        "mine/kernel", "mine/bias", "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias",
    ]  # fmt: skip


def test_a_named_size_runs_through():
    inputs = Input(("T", 8))
    model = Model(inputs, Dense(4)(inputs))
    assert str(model.outputs[0].spec) == "float32[None, T, 4]"
    assert tuple(model(np.ones((2, 7, 8))).shape) == (2, 7, 4)


def test_sequential_grows_and_shrinks():
    model = Sequential([Input((3,)), Dense(4)])
    assert model.built
    model.add(Dense(2))
    assert tuple(model(np.ones((1, 3))).shape) == (1, 2)
    assert isinstance(model.pop(), Dense)
    assert tuple(model(np.ones((1, 3))).shape) == (1, 4)
    assert [layer.name for layer in model.layers] == [model.layers[0].name]


def test_building_a_sequential_describes_each_layer_once():
    described = []

    class Counted(layers.Layer):
        def call(self, inputs):
            described.append(self.name)
            return inputs * 2.0

    model = Sequential([layers.Input((4,)), Counted(name="one"), Counted(name="two"), layers.Dense(3, name="three")])
    assert described == ["one", "two"]
    part = Model(model.layers[0].output, model.layers[-1].input)
    assert [layer.name for layer in part.layers[1:]] == ["two"]
    assert Model(model.input, model.layers[1].output).layers[-1] is model.layers[1]


def test_a_sequential_may_end_in_a_layer_that_returns_nothing():
    seen = []

    class Seen(layers.Layer):
        def call(self, inputs):
            seen.append(inputs.shape)

    model = Sequential([layers.Input((4,)), layers.Dense(3), Seen()])
    assert model.layers[0].output.shape == (None, 3)
    assert model(torch.ones(2, 4)) is None
    assert (seen[0], seen[-1]) == ((None, 3), (2, 3))


def test_sequential_without_an_input_is_built_by_its_first_call():
    model = Sequential([Dense(4), Dense(2)])
    assert not model.built
    assert tuple(model(np.ones((1, 3))).shape) == (1, 2)
    assert model.count_params() == 16 + 10


def test_raw_torch_in_a_layer_is_described_and_drawn():
    class Raw(Layer):
        def build(self, input_shape):
            self.w = self.add_weight("w", (input_shape[-1], 7))

        def call(self, inputs):
            y = torch.relu(torch.matmul(inputs, self.w))
            return y.reshape(y.shape[0], -1).mean(dim=1, keepdim=True)

    layer = Raw()
    assert str(layer.compute_output_spec(Input(("T", 3)).spec)) == "float32[None, 1]"
    inputs = Input(("T", 3))
    model = Model(inputs, layer(inputs))
    x = torch.randn(2, 5, 3)
    expected = torch.relu(x @ layer.w.value).reshape(2, -1).mean(dim=1, keepdim=True)
    assert torch.equal(model(x), expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Model(Input((3,)), "nothing"),
            "the outputs of a model must come from Input and from layers called on it",
        ),
        (
            lambda: Model(Input((3,)), Dense(2)(Input((3,), name="stranger"))),
            "the outputs depend on the input 'stranger', which is not among the inputs",
        ),
        (lambda: Sequential([3], name="s"), "s takes layers, got 3"),
        (lambda: Sequential([Dense(1), Input((3,))], name="s"), "s takes an Input only before its first layer"),
        (lambda: Sequential(name="s").pop(), "s has no layer to take off"),
        (lambda: Sequential([Dense(1, name="a"), Dense(1, name="a")], name="s"), "s already has a layer named 'a'"),
        (lambda: Sequential([Dense(1, name="a")], name="s").get_layer("b"), "s has no layer 'b'"),
    ],
)
def test_models_that_cannot_be(make, message):
    with pytest.raises(UsageError) as raised:
        make()
    assert str(raised.value) == message


def test_inputs_that_do_not_fit():
    model = two_in_two_out()
    with pytest.raises(ShapeError) as raised:
        model({"a": np.ones((2, 3))})
    assert str(raised.value) == f"{model.name} (Functional) expects an input named 'b', got 'a'"
    with pytest.raises(ShapeError) as raised:
        model([np.ones((2, 3))])
    assert str(raised.value) == f"{model.name} (Functional) expects 2 inputs, got 1"


def test_a_name_the_author_chose_stays_where_it_looks_like_an_automatic_one():
    first, second = layers.Dense(3, name="dense_1", input_shape=(4,)), layers.Dense(5, name="dense")
    model = Sequential([first, second])
    assert list(model.children()) == [("dense_1", first), ("dense", second)]


def test_the_work_of_a_long_sequential_grows_with_its_length():
    """Ten times the layers take ten times the instructions of the stack itself, not a hundred times."""

    def instructions(length):
        found = 0

        def trace(frame, event, argument):
            nonlocal found
            if not frame.f_code.co_filename.endswith("sequential.py"):
                return None
            frame.f_trace_opcodes = True
            found += event == "opcode"
            return trace

        made = [Input((4,)), *(layers.Dense(4, name=f"dense_{i}") for i in range(length))]
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            Sequential(made)
        finally:
            sys.settrace(before)
        return found

    assert instructions(200) < 12 * instructions(20)


def test_a_name_that_is_taken_is_refused():
    one = layers.Dense(4, name="a")
    Sequential([one, layers.Dense(4, name="b"), one])
    with pytest.raises(UsageError, match="already has a layer named 'a'"):
        Sequential([one, layers.Dense(4, name="a")])
    stack = Sequential([one])
    with pytest.raises(UsageError, match="already has a layer named 'a'"):
        stack.add(layers.Dense(4, name="a"))
    stack.pop()
    stack.add(layers.Dense(4, name="a"))


def test_the_summary_has_the_names_of_the_layers(capsys):
    layers.Dense(1)
    inner = Sequential([layers.Dense(2), layers.Dense(2)])
    model = Sequential([Input((3,)), layers.Dense(4), inner])
    model.summary(depth=2)
    shown = capsys.readouterr().out
    names = [model.layers[0].name, inner.name, *(f"{inner.name}/{layer.name}" for layer in inner.layers)]
    assert [f"{name} (" in shown for name in names] == [True] * 4
    assert model.get_layer(names[0]) is model.layers[0]
