"""ONNX graphs that torch exports, summarised by the onnx package alone: the modules they were made of say the same."""

from __future__ import annotations

import inspect
import warnings
from functools import cache

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import array, exported, exported_twice, randomized, tensor, written
from torch import nn

from benchmarks.torch_models import ResNet50
from layercli.core.dims import UNKNOWN, Dim
from layercli.core.spec import Spec
from layercli.inspect.onnx.summary import summarize_onnx
from layercli.inspect.onnx.symbolic_dims import Names
from layercli.runtime.analysis.module_summary import summarize_module
from layercli.runtime.execution.onnxruntime_module import OnnxGraph

IMAGE = torch.zeros(2, 3, 12, 10)
STEPS = torch.zeros(2, 7, 16)


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.block = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, tokens):
        return self.head(self.block(self.embed(tokens)))


class Cached(nn.Module):
    """Attention to what came before, with a step put in front."""

    def __init__(self):
        super().__init__()
        self.query, self.key = nn.Linear(16, 16), nn.Linear(16, 16)
        self.first = nn.Parameter(torch.zeros(1, 1, 16))

    def forward(self, x, past):
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1)
        keys = torch.cat([past, self.key(x)], 1)
        return torch.softmax(self.query(x) @ keys.transpose(1, 2), -1) @ keys, keys


MODULES = {
    "resnet50": (ResNet50, torch.zeros(1, 3, 64, 64)),
    "lstm": (lambda: nn.LSTM(16, 5, 2, batch_first=True, bidirectional=True), STEPS),
    "gru": (lambda: nn.GRU(16, 5, batch_first=True), STEPS),
    "attention": (Attending, torch.zeros(2, 7, dtype=torch.int64)),
    "convolutions": (
        lambda: nn.Sequential(nn.ConvTranspose2d(3, 6, 3, 2, 1, 1, groups=3), nn.ReLU(), nn.Conv2d(6, 4, 3, groups=2)),
        IMAGE,
    ),
    "conv3d": (lambda: nn.Conv3d(3, 5, 3), torch.zeros(1, 3, 7, 6, 5)),
}


def of_module(module, *inputs):
    names = list(inspect.signature(module.forward).parameters)
    given = {name: Spec(tuple(x.shape), str(x.dtype)[6:]) for name, x in zip(names, inputs, strict=False)}
    return summarize_module(module, given, "", "")


def shapes_given_by_onnxruntime(path, *inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = {end.name: x.numpy() for end, x in zip(session.get_inputs(), inputs, strict=True)}
    return [x.shape for x in session.run(None, given)]


HOWS = [{}, {"opset_version": 23}, {"optimize": False}, {"dynamo": False}]
CASES = [(name, how) for name in MODULES for how in HOWS if name != "resnet50" or "dynamo" in how]  # 8 s by another
CASES.remove(("attention", {"dynamo": False}))  # that exporter has no ONNX of TransformerEncoderLayer's fused kernel


@cache
def traced(name):
    """Return a module, its input, and the program that every export of it begins with."""
    made, x = MODULES[name]
    module = randomized(made()).eval()
    with warnings.catch_warnings(action="ignore"):  # the weights of recurrent layers have a list of their own
        return module, x, torch.export.export(module, (x,)) if name != "resnet50" else None


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The paths of a program's graph, by its name and by whether it is optimized: one export for both."""
    folder = tmp_path_factory.mktemp("graphs")

    @cache
    def paths(name):
        _, x, program = traced(name)
        return exported_twice(program, [x], folder / f"{name}.onnx")

    return lambda name, optimize: paths(name)[optimize]


@pytest.mark.parametrize(("name", "how"), CASES, ids=str)
def test_the_module_it_was_made_of_says_the_same(tmp_path, both, name, how):
    module, x, program = traced(name)
    if how in ({}, {"optimize": False}):
        path = both(name, how.get("optimize", True))
    else:
        path = exported(program if how.get("dynamo", True) else module, [x], tmp_path / "net.onnx", **how)
    ours, theirs = summarize_onnx(path, [], []), of_module(module, x)
    assert ours.totals.macs == theirs.totals.macs
    assert [spec.shape for _, spec in ours.outputs] == shapes_given_by_onnxruntime(ours.source, x)
    if name != "resnet50" or "optimize" in how:  # else batch normalizations were put into the convolutions
        assert ours.totals.trainable == theirs.totals.trainable


def test_layers_are_those_of_the_module(tmp_path):
    module = randomized(Attending())
    x = torch.zeros(2, 7, dtype=torch.int64)
    ours = summarize_onnx(exported(module, [x], tmp_path / "net.onnx"), [], [])
    theirs = {row.path: row for row in of_module(module, x).rows}
    found = {row.path: row for row in ours.rows if row.path in theirs}
    assert ours.cls == "Attending"
    assert set(found) == {
        "embed", "block", "block/self_attn", "block/linear1", "block/linear2", "block/norm1", "block/norm2", "head"
    }  # fmt: skip
    for path, row in found.items():
        other = theirs[path]
        assert (row.cls, row.depth, row.macs, row.trainable) == (other.cls, other.depth, other.macs, other.trainable)
        if path != "block/self_attn":  # which gives its weights too, and the graph does not
            assert row.output_shape == other.output_shape


def test_a_layer_of_ours_says_the_same(tmp_path):
    from layercli.inspect.layer_summary import summarize
    from layercli.sources.resolve import resolve

    model = resolve("mlp").model
    ours = summarize(model)
    [(_, spec)] = ours.inputs
    x = torch.zeros(3, *spec.shape[1:])
    model(x)
    theirs = summarize_onnx(exported(randomized(model.module), [x], tmp_path / "net.onnx"), [], [])
    assert theirs.totals.macs == ours.totals.macs.at({"B": 3})
    assert theirs.totals.parameters == ours.totals.parameters


def dynamic(tmp_path, module, inputs, sizes, **how):
    named = {name: torch.export.Dim(name, min=2, max=4096) for each in sizes for name in each.values()}
    shapes = tuple({axis: named[name] for axis, name in each.items()} for each in sizes)
    return exported(randomized(module), inputs, tmp_path / "net.onnx", dynamic_shapes=shapes, **how)


def test_formulas_of_open_sizes(tmp_path):
    path = dynamic(tmp_path, Cached(), [STEPS, torch.zeros(2, 5, 16)], [{0: "batch", 1: "T"}, {0: "batch", 1: "P"}])
    summary = summarize_onnx(path, [], [])
    assert [str(spec) for _, spec in summary.inputs] == ["float32[None, T, 16]", "float32[None, P, 16]"]
    assert [str(spec) for _, spec in summary.outputs] == ["float32[None, T + 1, 16]", "float32[None, P + T + 1, 16]"]
    assert str(summary.totals.macs) == "32*B*P*T + 32*B*T^2 + 32*B*P + 576*B*T + 544*B"
    x, past = torch.zeros(3, 9, 16), torch.zeros(3, 4, 16)
    expected = of_module(Cached(), x, past).totals.macs
    assert summary.totals.macs.at({"B": 3, "T": 9, "P": 4}) == expected
    for shapes, sizes in (
        (["3,9,16", "3,4,16"], []),
        (["x=3,9,16"], ["P=4"]),
        ([], ["batch=3", "T=9", "P=4"]),
        ([], ["B=3", "T=9", "P=4"]),
    ):
        filled = summarize_onnx(path, shapes, sizes)
        assert filled.totals.macs == expected
        assert [spec.shape for _, spec in filled.outputs] == shapes_given_by_onnxruntime(path, x, past)
    assert str(summarize_onnx(path, [], ["P=4"]).totals.macs) == "32*B*T^2 + 704*B*T + 672*B"


def test_a_size_that_is_called_by_a_negative_number_is_unknown():
    names = Names([["N", "-1"]])
    assert names.shape(["N", "-1", "2 - 5", "3"]) == (Dim.named("B"), UNKNOWN, UNKNOWN, 3)


def test_the_batch_is_told_from_other_sizes(tmp_path):
    """A graph with time first: its batch is the second size, called so in the file."""
    nodes = [helper.make_node("LSTM", ["x", "w", "r"], ["", "yh"], hidden_size=6, direction="bidirectional")]
    held = [array("w", (2, 24, 4)), array("r", (2, 24, 6))]
    for time, batch in (("T", "B"), ("seq", "batch_size"), (None, "N")):
        file = written(
            tmp_path / "lstm.onnx", nodes, [tensor("x", [time, batch, 4])], [tensor("yh", [2, batch, 6])], held
        )
        summary = summarize_onnx(file, [], [])
        assert [str(spec) for _, spec in summary.inputs + summary.outputs] == [
            f"float32[{time}, B, 4]",
            "float32[2, B, 6]",
        ]
        assert str(summary.totals.macs) == (f"480*B*{time}" if time else "None")
        assert str(summarize_onnx(file, ["T,B,4"], []).totals.macs) == "480*B*T"
        assert summarize_onnx(file, ["5,2,4"], []).totals.macs == 4800
        assert OnnxGraph(file).specs == dict(summary.inputs)
    assert summary.to_json()["inputs"][0]["shape"] == [None, "B", 4]
    file = written(tmp_path / "lstm.onnx", nodes, [tensor("x", ["N", "B", 4])], [tensor("yh", [2, "B", 6])], held)
    assert [str(spec) for _, spec in summarize_onnx(file, [], []).inputs] == ["float32[None, B_, 4]"]


def test_windows_over_open_sizes(tmp_path):
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3), nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 1)
    )
    path = dynamic(tmp_path, module, [torch.zeros(2, 3, 64, 48)], [{2: "H", 3: "W"}])
    summary = summarize_onnx(path, [], [])
    assert [row.output_shape and str(row.output_shape) for row in summary.rows] == [
        "(2, 8, ceil(H/2), ceil(W/2))",
        "(2, 8, floor((H + 1)/4), floor((W + 1)/4))",
        "(2, 4, floor((H + 1)/4) - 2, floor((W + 1)/4) - 2)",
        "(2, 4, 2*floor((H + 1)/4) - 4, 2*floor((W + 1)/4) - 4)",
        "(2, 2, 2*floor((H + 1)/4) - 4, 2*floor((W + 1)/4) - 4)",
    ]
    for height, width in ((64, 48), (61, 55), (30, 31)):
        x = torch.zeros(2, 3, height, width)
        assert summary.totals.macs.at({"H": height, "W": width}) == of_module(module, x).totals.macs
        found = [spec.at({"H": height, "W": width}).shape for _, spec in summary.outputs]
        assert found == shapes_given_by_onnxruntime(path, x)


def test_names_with_slashes_are_scopes(tmp_path):
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1"], ["a"], name="net/layer1/0/conv1/Conv2D"),
        node("Relu", ["a"], ["b"], name="net/layer1/0/Relu;net/other"),
        node("Identity", ["b"], ["c"], name="net/layer1/Identity"),
        node("Conv", ["c", "w2"], ["d"], name="net/layer1/1/conv1/Conv2D"),
        node("Relu", ["d"], ["y"], name="net/last"),
    ]
    held = [array("w1", (4, 3, 1, 1)), array("w2", (4, 4, 1, 1))]
    path = written(tmp_path / "net.onnx", nodes, [tensor("x", (1, 3, 5, 5))], [tensor("y", None)], held)
    summary = summarize_onnx(path, [], [])
    assert [(row.depth, row.path, row.cls, row.parameters, row.macs) for row in summary.rows] == [
        (1, "layer1", "scope", 28, 700),
        (2, "layer1/0", "scope", 12, 300),
        (3, "layer1/0/conv1", "Conv", 12, 300),
        (3, "layer1/0/Relu", "Relu", 0, 0),
        (2, "layer1/1", "scope", 16, 400),
        (3, "layer1/1/conv1", "Conv", 16, 400),
        (1, "last", "Relu", 0, 0),
    ]
    assert [(row.input_shape, row.output_shape) for row in summary.rows][:2] == [
        ((1, 3, 5, 5), (1, 4, 5, 5)), ((1, 3, 5, 5), (1, 4, 5, 5))
    ]  # fmt: skip


def test_a_part_without_a_class_is_called_by_its_main_operator(tmp_path):
    node = helper.make_node
    nodes = [
        node("Transpose", ["x"], ["a"], name="/dense/Transpose"),
        node("MatMul", ["a", "w"], ["b"], name="/dense/MatMul"),
        node("Add", ["b", "bias"], ["c"], name="/dense/Add"),
        node("Relu", ["c"], ["d"], name="/act/Relu"),
        node("Abs", ["d"], ["e"], name="/odd/Abs"),
        node("Neg", ["e"], ["y"], name="/odd/Neg"),
    ]
    held = [array("w", (2, 5)), array("bias", (5,))]
    path = written(tmp_path / "net.onnx", nodes, [tensor("x", (2, 3))], [tensor("y", None)], held)
    found = [(row.path, row.cls, row.parameters) for row in summarize_onnx(path, [], []).rows if row.depth == 1]
    assert found == [("dense", "MatMul", 15), ("act", "Relu", 0), ("odd", "scope", 0)]


def test_nodes_without_names_are_told_apart(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    path = written(tmp_path / "net.onnx", nodes, [tensor("x", (2, 3))], [tensor("y", (2, 3))])
    assert [row.path for row in summarize_onnx(path, [], []).rows] == ["Relu", "Relu_1"]


def test_sizes_the_file_computed_of_its_names(tmp_path):
    """A node that nobody knows gives what the file says it gives."""
    nodes = [helper.make_node("Odd", ["x"], ["a"], domain="mine"), helper.make_node("MatMul", ["a", "w"], ["y"])]
    path = written(
        tmp_path / "net.onnx", nodes, [tensor("x", ("N", "steps", 3))], [tensor("y", None)], [array("w", (3, 5))],
        domains=["mine"], infos=[tensor("a", ("N", "2*steps + 1", 3))],
    )  # fmt: skip
    summary = summarize_onnx(path, [], [])
    assert [str(row.output_shape) for row in summary.rows] == ["(None, 2*steps + 1, 3)", "(None, 2*steps + 1, 5)"]
    assert str(summary.rows[1].macs) == "30*B*steps + 15*B"
    assert summarize_onnx(path, ["2,4,3"], []).rows[1].macs == 2 * 9 * 15


def test_sizes_that_went_through_floats(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Cast", ["sizes"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "factors"], ["larger"]),
        helper.make_node("Cast", ["larger"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Expand", ["one", "whole"], ["y"]),
    ]
    held = [numpy_helper.from_array(np.array([2, 1], "f4"), "factors"), array("one", (1, 1))]
    path = written(tmp_path / "net.onnx", nodes, [tensor("x", ("N", 3))], [tensor("y", None)], held)
    assert [str(spec.shape) for _, spec in summarize_onnx(path, [], []).outputs] == ["(2*B, 3)"]


@pytest.mark.parametrize(
    ("op", "inputs", "shape"),
    [
        ("Resize", ["x", "", "scales"], (1, 2, 6, 12)),
        ("Range", ["start", "limit", "step"], (4,)),
        ("OneHot", ["places", "depth", "values"], (3, 5)),
    ],
)
def test_sizes_that_follow_from_floats(op, inputs, shape, tmp_path):
    values = {"scales": [1, 1, 2, 3], "start": 0, "limit": 2, "step": 0.5, "depth": 5, "values": [0, 1]}
    held = [numpy_helper.from_array(np.array(x, "f4"), name) for name, x in values.items()]
    given = [tensor("x", (1, 2, 3, 4)), tensor("places", (3,), TensorProto.INT64)]
    path = written(tmp_path / "net.onnx", [helper.make_node(op, inputs, ["y"])], given, [tensor("y", None)], held)
    assert [spec.shape for _, spec in summarize_onnx(path, [], []).outputs] == [shape]
