"""The ModelGraph of layers and models: against hand arithmetic, against the summary, and against torch's own storages."""

import dataclasses

import pytest

from layercli import Input, Layer, Model, layers, ops
from layercli.core import tree
from layercli.core.dims import UNKNOWN, Dim
from layercli.core.spec import Spec
from layercli.inspect.layer_call import default_inputs
from layercli.inspect.layer_graph import layer_graph
from layercli.inspect.layer_summary import summarize
from layercli.inspect.model_graph import ModelGraphBuilder, ModuleCall, OperationCall, ValueKind
from layercli.sources.resolve import resolve

B, T = Dim.named("B"), Dim.named("T")


class TwoDense(Model):
    units: int = 4

    def setup(self):
        self.first = layers.Dense(self.units, activation="relu")
        self.again = layers.Dense(self.units, use_bias=False)

    def call(self, inputs):
        x = self.first(inputs)
        return self.again(self.again(x)) + 1.0


@pytest.fixture
def graph():
    return layer_graph(TwoDense(name="two"), Spec((B, 3)))


def test_the_modules_are_a_tree_with_arguments_and_variables(graph):
    assert [(m.path, m.class_name, m.depth, m.parent) for m in graph.modules.values()] == [
        ("", "TwoDense", 0, None),
        ("first", "Dense", 1, ""),
        ("again", "Dense", 1, ""),
    ]
    assert (graph.name, graph.class_name, graph.root.arguments) == ("two", "TwoDense", {"units": 4})
    assert graph.modules["first"].arguments["units"] == 4
    kernel = graph.values[graph.modules["first"].variables["kernel"]]
    assert (kernel.path, kernel.spec, kernel.kind, kernel.trainable, kernel.bytes) == (
        "first/kernel", Spec((3, 4)), ValueKind.PARAMETER, True, 48,
    )  # fmt: skip
    assert sorted(v.path for v in graph.variables_below()) == ["again/kernel", "first/bias", "first/kernel"]
    assert graph.children == {"": ("first", "again")}


def test_the_calls_stand_in_the_order_they_run_with_their_module_and_cost(graph):
    assert [(c.operation, c.module, c.macs) for c in graph.calls] == [
        ("Linear", "first", 12 * B),
        ("ReluInPlace", "first", 0),
        ("Linear", "again", 16 * B),
        ("Linear", "again", 16 * B),
        ("Add", "", 0),
    ]
    assert graph.macs() == 44 * B
    assert graph.macs("again") == 32 * B
    assert graph.calls[-1].arguments == {"y": 1.0}
    assert [(c.module, c.start, c.stop) for c in graph.module_calls] == [
        ("", 0, 5), ("first", 0, 2), ("again", 2, 3), ("again", 3, 4),
    ]  # fmt: skip


def test_each_call_takes_what_the_one_before_gave(graph):
    [(name, given)] = graph.inputs
    assert (name, graph.values[given].kind, graph.values[given].spec) == ("inputs", ValueKind.INPUT, Spec((B, 3)))
    taken = given
    for call in graph.calls:
        assert call.inputs[0] == taken
        taken = call.outputs[0]
    assert graph.outputs == (("output", taken),)
    kernel = graph.modules["again"].variables["kernel"]
    assert graph.calls[2].inputs[1] == graph.calls[3].inputs[1] == kernel
    for call in graph.module_calls:
        assert call.inputs == graph.calls[call.start].inputs[:1]
        assert call.outputs == graph.calls[call.stop - 1].outputs[0]


def test_a_module_under_two_others_counts_in_each_and_once_in_all():
    class Holding(Layer):
        def __init__(self, inner, **more):
            super().__init__(**more)
            self.inner = inner

        def call(self, inputs):
            return self.inner(inputs)

    shared = layers.Dense(3)
    x = Input((3,))
    graph = layer_graph(Model(x, Holding(shared, name="b")(Holding(shared, name="a")(x))))
    assert [sum(v.spec.size for v in graph.variables_below(path)) for path in ("a", "b", "")] == [12, 12, 12]
    assert [call.module for call in graph.module_calls] == ["", "a", "a/inner", "b", "a/inner"]


def test_a_variable_under_two_names_is_tied():
    builder = ModelGraphBuilder("m", None, "m")
    kernel = builder.add_value(Spec((3, 4)), ValueKind.PARAMETER, path="embed/kernel")
    builder.add_module("", None)
    builder.add_module("embed", "Embedding", variables={"kernel": kernel})
    builder.add_module("blocks", "ModuleList", container=True)
    builder.add_module("blocks/0/head", "Linear", variables={"kernel": kernel})
    graph = builder.graph(incomplete="it was not called")
    assert graph.tied == (("embed/kernel", "blocks/0/head/kernel"),)
    assert [v.path for v in graph.variables_below()] == ["embed/kernel"]
    assert [(m.path, m.depth, m.parent, m.name) for m in graph.modules.values()] == [
        ("", 0, None, ""), ("embed", 1, "", "embed"), ("blocks", 0, "", "blocks"), ("blocks/0/head", 1, "blocks", "head"),
    ]  # fmt: skip
    assert graph.macs() == UNKNOWN
    assert graph.reasons() == ["it was not called"]


def test_an_unknown_cost_is_unknown_above_it_and_has_its_reason():
    builder = ModelGraphBuilder("m", None, "m")
    builder.add_module("", None)
    builder.add_module("a", "A")
    builder.add_module("b", "B")
    builder.calls += [OperationCall("X", "a", (), (), None, "no rule for X"), OperationCall("Y", "b", (), (), 7)]
    builder.module_calls += [
        ModuleCall("", (), None, 0, 2),
        ModuleCall("a", (), None, 0, 1),
        ModuleCall("b", (), None, 1, 2),
    ]
    graph = builder.graph()
    assert (graph.macs(), graph.macs("a"), graph.macs("b")) == (UNKNOWN, UNKNOWN, 7)
    assert (graph.reasons(), graph.reasons("b")) == (["no rule for X"], [])


def test_a_call_that_did_not_finish_leaves_what_ran_before_it_known():
    builder = ModelGraphBuilder("m", None, "m")
    builder.add_module("", None)
    for path in "abc":
        builder.add_module(path, path)
    builder.calls += [OperationCall("Y", "a", (), (), 7)]
    builder.module_calls += [
        ModuleCall("", (), None, 0, 1, False),
        ModuleCall("a", (), None, 0, 1),
        ModuleCall("b", (), None, 1, 1, False),
    ]
    graph = builder.graph(incomplete="b fails")
    assert [graph.macs(path) for path in ("a", "b", "c", "")] == [7, UNKNOWN, UNKNOWN, UNKNOWN]


MODELS = ["mlp", "lenet", "resnet-block", "resnet50", "lstm", "transformer-encoder", "decoder", "my-dense"]


@pytest.mark.parametrize("name", MODELS)
def test_it_says_the_same_as_the_summary_of_the_layers(name):
    subject = resolve(name)
    report = summarize(subject.model)
    graph = layer_graph(subject.model)
    assert graph.macs() == report.totals.macs
    assert sum(v.spec.size for v in graph.variables_below()) == report.totals.parameters
    assert [(n, graph.values[place].spec) for n, place in graph.inputs] == report.inputs
    assert [(n, graph.values[place].spec) for n, place in graph.outputs] == report.outputs
    for row in report.rows:
        path = "" if row.path == subject.model.name else row.path
        if path:
            assert (graph.modules[path].class_name, graph.modules[path].depth) == (row.cls, row.depth)
            assert graph.macs(path) == row.macs
            assert len(graph.calls_of.get(path, ())) > 1 or not row.shared
            assert sum(v.spec.size for v in graph.variables_below(path)) == row.parameters


@pytest.mark.parametrize("name", MODELS)
def test_whatever_a_call_takes_was_there_before_it(name):
    graph = layer_graph(resolve(name).model)
    known = {i for i, v in enumerate(graph.values) if v.kind is not ValueKind.ACTIVATION}
    for call in graph.calls:
        assert set(call.inputs) <= known, call
        assert not set(call.outputs) & known
        known |= set(call.outputs)
    assert {place for _, place in graph.outputs} <= known
    assert known == set(range(len(graph.values)))


def test_a_value_in_another_dtype_is_a_cast():
    graph = layer_graph(layers.Dense(2, dtype="mixed_bfloat16", name="d"), Spec((B, 3)))
    assert [(c.operation, [graph.values[i].spec.dtype for i in (*c.inputs, *c.outputs)]) for c in graph.calls] == [
        ("Cast", ["float32", "bfloat16"]),
        ("Cast", ["float32", "bfloat16"]),
        ("Cast", ["float32", "bfloat16"]),
        ("Linear", ["bfloat16"] * 4),
    ]


def test_the_value_of_a_variable_is_the_variable():
    class Scaled(Layer):
        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=(shape[-1],))

        def call(self, inputs):
            return inputs * self.scale.value

    graph = layer_graph(Scaled(), Spec((B, 3)))
    assert graph.calls[0].inputs == (graph.inputs[0][1], graph.root.variables["scale"])


VIEWED = {
    "expand_dims": (lambda x: ops.expand_dims(x, 1), (2, 3, 4)),
    "squeeze": (lambda x: ops.squeeze(x, 1), (2, 1, 4)),
    "transpose": (lambda x: ops.transpose(x, (0, 2, 1)), (2, 3, 4)),
    "broadcast_to": (lambda x: ops.broadcast_to(x, (2, 3, 4)), (2, 1, 4)),
    "stop_gradient": (lambda x: ops.stop_gradient(x), (2, 3)),
    "reshape": (lambda x: ops.reshape(x, (2, 12)), (2, 3, 4)),
    "reshape of a transpose": (lambda x: ops.reshape(ops.transpose(x, (0, 2, 1)), (2, 12)), (2, 3, 4)),
    "exp": (lambda x: ops.exp(x), (2, 3)),
    "relu": (lambda x: ops.relu(x), (2, 3)),
}


@pytest.mark.parametrize("name", VIEWED)
def test_values_share_a_storage_where_torchs_do(name):
    import torch

    function, shape = VIEWED[name]

    class Calling(Layer):
        def call(self, inputs):
            return function(inputs)

    graph = layer_graph(Calling(), Spec(shape))
    x = torch.ones(shape)
    shared = function(x).untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    [(_, given)], [(_, gave)] = graph.inputs, graph.outputs
    assert (graph.values[given].storage == graph.values[gave].storage) == shared


def test_what_is_written_over_its_input_shares_its_storage(graph):
    dense, relu = graph.calls[:2]
    assert graph.values[relu.outputs[0]].storage == graph.values[dense.outputs[0]].storage


def test_it_is_immutable(graph):
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.name = "other"


def test_a_description_of_405_billion_parameters_stays_small():
    """Blocks are described one by one, so the number of objects is what bounds time and memory."""
    model = resolve("decoder", ["preset=405b"]).model
    graph = layer_graph(model, default_inputs(model))
    assert len(graph.modules) == 1516
    assert len(graph.calls) + len(graph.values) + len(graph.module_calls) < 10_000
    assert sum(v.spec.size for v in graph.variables_below()) == 405_853_388_800


def test_outputs_keep_their_structure():
    class Two(Layer):
        def call(self, inputs):
            return {"same": inputs, "twice": [inputs + inputs, None]}

    graph = layer_graph(Two(), Spec((B, T)))
    [given] = [place for _, place in graph.inputs]
    [call] = graph.module_calls
    assert call.outputs == {"same": given, "twice": [graph.calls[0].outputs[0], None]}
    assert tree.flatten(call.outputs)[:2] == [place for _, place in graph.outputs]
