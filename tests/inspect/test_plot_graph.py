"""The boxes and edges of a picture: compared with what the models compute, as read from their code."""

import re

import numpy as np
import pytest

from layercli import Model, Sequential, layers
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.inspect.call_tree import call_tree
from layercli.inspect.flow_plotter import FlowPlotter
from layercli.inspect.model_graph import ModelGraphBuilder, OperationCall, ValueKind
from layercli.inspect.plot_diff import plot_diff
from layercli.inspect.plot_flow import plot_graph
from layercli.inspect.plot_graph import FEW, FOLDED, MOST, PlotOptions
from layercli.inspect.plot_sections import LIMIT
from layercli.inspect.value_flow import ValueFlow
from layercli.sources.resolve import open_source, resolve


def graph_of(name, *settings, shapes=()):
    source = resolve(name, list(settings), describing=True)
    return source.graph(source.inputs(shapes))


def named_edges(picture):
    return {(picture.boxes[edge.source].title, picture.boxes[edge.target].title) for edge in picture.edges}


def test_the_edges_of_an_encoder_block_are_those_of_its_call():
    picture = plot_graph(graph_of("transformer-encoder"), PlotOptions(depth=2))
    assert named_edges(picture) == {
        ("inputs", "attention"), ("attention", "drop"), ("inputs", "Add"), ("drop", "Add"), ("Add", "norm1"),
        ("norm1", "expand"), ("expand", "contract"), ("contract", "drop"), ("norm1", "Add"), ("Add", "norm2"),
        ("norm2", "output"),
    }  # fmt: skip
    [block] = [box for box in picture.boxes if box.group]
    assert (block.path, block.repeats, block.parameters, block.share) == ("stack/0..5", 6, 3152384, 1.0)
    assert [box.title for box in picture.boxes if box.parent == block.number] == [
        "attention", "drop", "Add", "norm1", "expand", "contract", "drop", "Add", "norm2",
    ]  # fmt: skip


def test_each_layer_is_a_box_where_nothing_is_folded():
    graph = graph_of("resnet50")
    whole = plot_graph(graph, PlotOptions(depth=9, fold=False))
    assert [box.path for box in whole.boxes if box.kind == "module"] == [path for path in graph.modules if path]
    assert sum(box.parameters for box in whole.boxes if box.kind == "module" and not box.group) == 25_636_712
    adds = [box.number for box in whole.boxes if box.title == "Add"]
    assert [sum(edge.target == add for edge in whole.edges) for add in adds] == [2] * 16  # shortcut and residual


def test_32_blocks_are_one_box_and_few_boxes_are_the_default():
    picture = plot_graph(graph_of("decoder", "preset=8b"))
    assert len(picture.boxes) <= 30
    [blocks] = [box for box in picture.boxes if box.repeats > 1]
    assert (blocks.title, blocks.repeats, blocks.type) == ("blocks/0..31", 32, "CausalLMBlock")
    assert {("embed_tokens", "input_layernorm"), ("Add", "norm"), ("norm", "lm_head")} <= named_edges(picture)
    assert not any(edge.source == edge.target for edge in picture.edges)
    assert picture.notes == (FOLDED,)
    [mlp] = [box for box in picture.boxes if box.title == "mlp"]
    assert (mlp.parameters, mlp.share) == (176_160_768, 32 * 176_160_768 / 8_030_261_248)  # of one, and of all 32


def test_a_traced_module_has_the_edges_of_its_forward():
    torch = pytest.importorskip("torch")
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    picture = plot_graph(open_source(layer).graph((1, 3, 8)), PlotOptions(depth=1))
    names = {"aten::add_.Tensor": "add", "aten::relu_": "relu"}
    edges = [(picture.boxes[edge.source].title, picture.boxes[edge.target].title) for edge in picture.edges]
    assert {tuple(names.get(name, name) for name in ends) for ends in edges} == {
        ("src", "self_attn"), ("src", "add"), ("self_attn", "add"), ("add", "norm1"), ("norm1", "linear1"),
        ("linear1", "relu"), ("relu", "linear2"), ("linear2", "add"), ("norm1", "add"), ("add", "norm2"),
        ("norm2", "output"),
    }  # fmt: skip
    assert picture.boxes[-1].specs == (Spec((1, 3, 8), "float32"),)


CALLED_TWICE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.head = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x, twice: bool = False):
        y = self.head(self.one(x))
        return self.head(x) + y if twice else y
"""


def test_two_calls_of_a_torch_layer_do_not_flow_into_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twice_called.py").write_text(CALLED_TWICE)
    source = resolve("twice_called.py:Net", describing=True)
    source.set_inputs(arguments=["twice=true"])
    graph = source.graph(source.inputs(["2,3"]))
    assert [call.module for call in graph.module_calls] == ["", "one", "head", "head"]  # with the argument given
    picture = plot_graph(graph)
    edges = {(picture.boxes[e.source].title, picture.boxes[e.target].title, e.target) for e in picture.edges}
    first, second = [box.number for box in picture.boxes if box.title == "head"]
    assert {edge for edge in edges if edge[1] == "head"} == {("one", "head", first), ("x", "head", second)}
    assert [box.specs for box in picture.boxes if box.title == "head"] == [(Spec((2, 3)),)] * 2


IN_PLACE = """
import torch
from torch import nn

@torch.library.custom_op("layercli_tests::scale", mutates_args=("x",))
def scale(x: torch.Tensor, by: float) -> None:
    x.mul_(by)

class Net(nn.Linear):
    def forward(self, x):
        y = super().forward(x) + 1
        y.exp_()
        scale(y, 2.0)
        return y.neg()
"""


def test_what_changes_a_tensor_in_place_stands_between_its_maker_and_those_that_take_it_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in_place.py").write_text(IN_PLACE)
    source = resolve("in_place.py:Net", ["in_features=3", "out_features=3"], describing=True)
    named = named_edges(plot_graph(source.graph(source.inputs(["2,3"]))))
    edges = [tuple(title.rpartition("::")[2].partition(".")[0] for title in edge) for edge in named]
    for edge in [("add", "exp_"), ("exp_", "scale"), ("scale", "neg"), ("neg", "output")]:
        assert edge in edges
    assert sorted(later for maker, later in edges if maker in ("add", "exp_")) == ["exp_", "scale"]


def test_a_part_is_shown_alone_and_a_layer_opened():
    graph = graph_of("resnet50")
    part = plot_graph(graph, PlotOptions(focus="stages/0/0", depth=1))
    assert [box.title for box in part.boxes if box.kind == "input"] == ["pool1"]
    assert {("pool1", "conv1"), ("pool1", "conv0"), ("bn3", "Add"), ("bn0", "Add"), ("ReluInPlace", "output")} <= (
        named_edges(part)
    )
    opened = plot_graph(graph, PlotOptions(depth=1, expand=("stages/0/1",)))
    inside = {box.title: box for box in opened.boxes}
    assert inside["stages/0/1"].group
    assert not inside["stages/0/2"].group  # it is no longer folded with its neighbour
    with pytest.raises(UsageError, match=r"^resnet50 has no module 'stage/0'$"):
        plot_graph(graph, PlotOptions(focus="stage/0"))


def test_a_model_that_was_not_called_and_a_weight_file_are_trees(tmp_path):
    np = pytest.importorskip("numpy")
    np.savez(tmp_path / "w.npz", **{f"blocks.{i}.kernel": np.zeros((2, 3)) for i in range(4)}, head=np.zeros(5))
    picture = plot_graph(open_source(str(tmp_path / "w.npz")).graph())
    assert [(box.title, box.repeats, box.parameters) for box in picture.boxes] == [
        ("w.npz", 1, 29), ("blocks/0..3", 4, 6),
    ]  # fmt: skip
    assert [(edge.source, edge.target) for edge in picture.edges] == [(0, 1)]
    assert not picture.flows


def test_many_operations_are_shown_in_pieces_and_a_note_says_so():
    builder = ModelGraphBuilder("long", None, "made")
    builder.add_module("", None)
    first = here = builder.add_value(Spec((1,), "float32"), ValueKind.INPUT)
    for i in range(3 * MOST):
        there = builder.add_value(Spec((1,), "float32"), ValueKind.ACTIVATION)
        builder.calls.append(OperationCall("Add" if i % 3 else "Relu", "", (here,), (there,)))
        here = there
    picture = plot_graph(builder.graph({"x": first}, {"y": here}))
    assert len(picture.boxes) == 202
    assert [(edge.source, edge.target) for edge in picture.edges] == [(i, i + 1) for i in range(201)]
    assert picture.boxes[1].remark == "Add \N{MULTIPLICATION SIGN} 20, Relu \N{MULTIPLICATION SIGN} 10"
    assert picture.notes == ("6,000 operations and modules are shown 30 at a time, as they run (--focus shows a part)",)


def network(*names):
    kinds = {
        "c1": layers.Conv2D(8, 3, name="c1"), "bn": layers.BatchNormalization(name="bn"), "r": layers.ReLU(name="r"),
        "p": layers.MaxPooling2D(name="p"), "c2": layers.Conv2D(9, 3, name="c2"),
        "wide": layers.Conv2D(24, 3, name="c2"),
    }  # fmt: skip
    return open_source(Sequential([layers.Input((32, 32, 3)), *(kinds[name] for name in names)])).graph()


def test_differences_are_marked_and_what_was_removed_keeps_its_place():
    picture = plot_diff(network("c1", "r", "p", "c2"), network("c1", "bn", "r", "wide"))
    assert [(box.title, box.change) for box in picture.boxes if box.kind == "module"] == [
        ("c1", ""), ("bn", "added"), ("r", ""), ("p", "removed"), ("c2", "changed"),
    ]  # fmt: skip
    red = {(picture.boxes[e.source].title, picture.boxes[e.target].title) for e in picture.edges if e.change}
    assert red == {("r", "p"), ("p", "c2")}
    assert plot_diff(network("c1"), network("c1")).notes == ("the two have the same structure",)


def test_neighbours_of_a_long_comparison_that_differ_alike_are_one_box():
    def chain(*numbers):
        stack = [layers.ReLU(name=f"r{n}") if n % 2 else layers.Dense(4, name=f"d{n}") for n in numbers]
        return open_source(Sequential([layers.Input((4,)), *stack])).graph()

    old, new = chain(*range(32)), chain(*range(10), *range(100, 124), *range(10, 32))
    picture = plot_diff(old, new)
    assert [(box.title, box.change, box.parameters) for box in picture.boxes[1:-1]] == [
        ("d0 to r9", "", 100), ("d100 to r123", "added", 240), ("d10 to r31", "", 220),
    ]  # fmt: skip
    assert [(e.source, e.target, e.change) for e in picture.edges] == [(i, i + 1, "") for i in range(4)]
    assert picture.boxes[2].remark == "Dense \N{MULTIPLICATION SIGN} 12, ReLU \N{MULTIPLICATION SIGN} 12"
    assert picture.notes == ("neighbours that differ alike, or not at all, are one box (--depth 1 shows each)",)
    assert len(plot_diff(old, new, PlotOptions(depth=1)).boxes) == 58

    back = plot_diff(new, old)
    assert [(box.title, box.change) for box in back.boxes[1:-1]] == [
        ("d0 to r9", ""), ("d100 to r123", "removed"), ("d10 to r31", ""),
    ]  # fmt: skip
    assert [(e.source, e.target, e.change) for e in back.edges] == [
        (0, 1, ""), (1, 3, ""), (3, 4, ""), (1, 2, "removed"), (2, 3, "removed"),
    ]  # fmt: skip


def test_equal_layers_with_numbered_names_are_one_box_as_in_the_summary():
    model = Sequential([layers.Input((4,)), *(layers.Dense(4, name=f"d{i}") for i in range(40)), layers.Dense(2)])
    picture = plot_graph(open_source(model).graph())
    assert [(box.title, box.repeats) for box in picture.boxes[1:2]] == [("d0..39", 40)]
    assert [(e.source, e.target) for e in picture.edges] == [(0, 1), (1, 2), (2, 3)]


def test_layers_whose_names_begin_alike_are_one_box_unless_a_depth_is_given():
    source = resolve("mobilenet", [], describing=True)
    graph = source.graph(source.inputs())
    picture = plot_graph(graph)
    sections = {box.title: box for box in picture.boxes if box.kind == "operations"}
    assert len(picture.boxes) <= LIMIT + 4
    assert picture.notes == ("layers whose names begin alike are one box (--depth 1 shows each)",)
    assert sections["conv_dw_1"].remark == "DepthwiseConv2D, BatchNormalization, ReLU"
    assert sections["conv_dw_1"].parameters == 9 * 32 + 4 * 32
    assert sum(box.parameters or 0 for box in picture.boxes) == picture.parameters
    assert len(plot_graph(graph, PlotOptions(depth=1)).boxes) == 92


def test_blocks_of_layers_without_names_are_found_where_one_value_flows_on():
    x = given = layers.Input((4,))
    for i, width in enumerate([4] * 10 + [6, 6]):
        y = layers.Dense(width)(layers.Dense(width, activation="relu")(x))
        x = layers.Add()([x, y]) if width == 4 else layers.Average(name=f"mean{i}")([y, layers.Dense(width)(x)])
    graph = open_source(Model(given, layers.Dense(2)(layers.Dense(3)(x)))).graph()
    picture = plot_graph(graph)
    assert [(re.sub(r"_\d+", "", box.title), box.repeats, box.parameters) for box in picture.boxes[1:-1]] == [
        ("dense to add", 10, 40), ("mean10", 1, 102), ("mean11", 1, 126), ("dense to dense", 1, 29),
    ]  # fmt: skip
    assert [(e.source, e.target) for e in picture.edges] == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert picture.boxes[1].remark == "Dense \N{MULTIPLICATION SIGN} 2, Add"
    assert sum(box.share for box in picture.boxes) == pytest.approx(1)
    assert (
        picture.notes[0] == "a box holds the layers between two places where one value flows on (--depth 1 shows each)"
    )
    assert len(plot_graph(graph, PlotOptions(depth=1)).boxes) == 42


def test_prefixes_of_a_file_that_hold_one_thing_are_one_box(tmp_path):
    names = [f"base.model.layers.{i}.{part}.w" for i in range(2) for part in ("q", "v")]
    np.savez(tmp_path / "w.npz", **{name: np.zeros(3) for name in names})
    graph = resolve(str(tmp_path / "w.npz"), [], describing=True).graph()
    assert [box.title for box in plot_graph(graph).boxes] == ["w.npz", "base/model/layers/0..1", "q", "v"]
    opened = plot_graph(graph, PlotOptions(expand=("base/model",)))
    assert [box.title for box in opened.boxes[1:3]] == ["base", "model"]


@pytest.mark.parametrize("name", ["decoder", "resnet50", "transformer-encoder", "lstm"])
@pytest.mark.parametrize("fold", [True, False])
def test_a_picture_has_as_many_boxes_as_were_counted(name, fold):
    graph = graph_of(name)
    flow, root = ValueFlow(graph), call_tree(graph)
    for depth in (1, 2, 3):
        plotter = FlowPlotter(flow, graph, root, PlotOptions(depth=depth, fold=fold))
        counted = FlowPlotter(flow, graph, root, PlotOptions(depth=depth, fold=fold)).count()
        assert counted == min(len(plotter.plot().boxes), FEW + 1)
