"""Torch modules summarised and listed: what torch and torchinfo say of them, and the same model as a Layer."""

from __future__ import annotations

import json
import sys

import pytest
import torch
import torchinfo
from torch import nn

from benchmarks.torch_models import ResNet50 as PlainResNet50
from layercli.core import dims
from layercli.core.dims import UNKNOWN
from layercli.core.spec import Spec
from layercli.inspect.layer_summary import summarize
from layercli.inspect.model_loader import from_python
from layercli.inspect.shape_parser import parse_shape
from layercli.inspect.variables import measure
from layercli.models.resnet import ResNet50
from layercli.runtime.analysis.module_summary import summarize_module, variables_of_module

NET = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)) + x)


class Net(nn.Module):
    def __init__(self, classes: int = 10):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.blocks = nn.ModuleList([Block(8) for _ in range(3)])
        self.act = nn.ReLU()
        self.head = nn.Linear(8, classes)
        self.head.weight.requires_grad_(False)

    def forward(self, image):
        x = self.act(self.stem(image))
        for block in self.blocks:
            x = block(x)
        return {"logits": self.head(self.act(x).mean((2, 3))), "features": x}


class Deciding(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 4)

    def forward(self, x):
        return self.dense(x) if x.sum().item() > 0 else x


class Two(nn.Module):
    def forward(self, x, y, scale=None):
        return x + y


net = Net()
lonely = nn.Linear(4, 2)


def build(classes=4):
    return Net(classes)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "net.py").write_text(NET)
    yield tmp_path
    sys.modules.pop("net", None)


def test_the_summary_of_a_module(cli, folder):
    done = cli("summary net.py:net --input-shape 1,3,32,32 --columns +macs --no-fold")
    assert done.code == 0, done.err
    assert done.out == (
        "net.py:net (Net)\n"
        "\n"
        "Layer (type)      Output shape    Parameters     MACs\n"
        "stem (Conv2d)     (1, 8, 16, 16)         224   55,296\n"
        "act (ReLU) *      (1, 8, 16, 16)           0        0\n"
        "blocks/0 (Block)  (1, 8, 16, 16)         600  147,456\n"
        "blocks/1 (Block)  (1, 8, 16, 16)         600  147,456\n"
        "blocks/2 (Block)  (1, 8, 16, 16)         600  147,456\n"
        "head (Linear)     (1, 10)                 90       80\n"
        "\n"
        "Input:          image float32[1, 3, 32, 32]\n"
        "Output:         logits float32[1, 10], features float32[1, 8, 16, 16]\n"
        "Parameters:     2,114 (8.3 KiB)\n"
        "Trainable:      2,034\n"
        "Non-trainable:  80\n"
        "MACs:           497,744\n"
        "\n"
        "* called more than once: its parameters count once, its MACs for each call\n"
        "6 layers below are not shown (--depth)\n"
    )


def test_without_an_input_its_parameters_are_listed(cli, folder):
    done = cli("summary", "net.py:build", "--set", "classes=7", "--format", "json")
    document = json.loads(done.out)
    assert (document["inputs"], document["outputs"]) == ([], [])
    assert document["totals"] == {
        "parameters": 2087, "trainable": 2031, "non_trainable": 56, "bytes": 8348, "macs": None, "macs_formula": None
    }  # fmt: skip
    assert [row["path"] for row in document["rows"] if row["depth"] == 1] == [
        "stem", "blocks/0", "blocks/1", "blocks/2", "act", "head"
    ]  # fmt: skip
    assert all(row["output_shape"] is None and row["macs"] is None for row in document["rows"])
    assert "MACs:           unknown without an input (--input-shape)\n" in cli("summary", "net.py:net").out


def test_a_module_alone_is_its_own_row(cli, folder):
    rows = json.loads(cli("summary", "net.py:lonely", "--input-shape", "5,4", "--format", "json").out)["rows"]
    assert [(row["path"], row["output_shape"], row["parameters"], row["macs"]) for row in rows] == [
        ("Linear", [5, 2], 10, 40)
    ]


def test_arguments_of_its_forward(cli, folder):
    shapes = ["--input-shape", "y=1,4", "--input-shape", "x=1,4"]
    assert "Input:          x float32[1, 4], y float32[1, 4]\n" in cli("summary", "net.py:Two", *shapes).out
    done = cli("summary", "net.py:Two", "--input-shape", "1,4")
    hint = "hint: --arg y=VALUE, if it is no tensor\n"
    assert (done.code, done.err) == (2, f"error: net.py:Two takes 2 inputs (x, y), got 1: y is missing\n{hint}")


def test_a_branch_decided_by_the_input_is_followed(cli, folder):
    done = cli("summary", "net.py:Deciding", "--input-shape", "1,4", "--format", "json")
    assert (done.code, json.loads(done.out)["totals"]["macs"]) == (0, 0)  # zeros take the branch without the layer


def test_a_wrong_shape_names_the_layer(cli, folder):
    done = cli("summary", "net.py:lonely", "--input-shape", "1,3")
    assert (done.code, done.err) == (2, "error: net.py:lonely (Linear) expects 4 features, got 3 in float32[1, 3]\n")
    assert done.out == (
        "net.py:lonely (Linear)\n"
        "\n"
        "Layer (type)     Output shape  Parameters\n"
        "Linear (Linear)  ?                     10\n"
        "\n"
        "Input:          input float32[1, 3]\n"
        "Output:         -\n"
        "Parameters:     10 (40 B)\n"
        "Trainable:      10\n"
        "Non-trainable:  0\n"
        "MACs:           unknown: the forward pass failed\n"
        "\n"
        "shown up to the failing call: net.py:lonely (Linear) expects 4 features, got 3 in float32[1, 3]\n"
    )


def test_the_model_as_a_layer_says_the_same():
    ours = summarize(ResNet50(), Spec((2, 224, 224, 3)))
    theirs = summarize_module(PlainResNet50(), {"image": Spec((2, 3, 224, 224))}, "", "")
    assert theirs.totals.macs == ours.totals.macs
    assert theirs.totals.trainable == ours.totals.trainable


def test_torchinfo_says_the_same():
    module = PlainResNet50()
    ours = summarize_module(module, {"image": Spec((2, 3, 64, 64))}, "", "")
    theirs = torchinfo.summary(module, (2, 3, 64, 64), verbose=0, depth=9)
    assert (ours.totals.parameters, ours.totals.trainable) == (theirs.total_params, theirs.trainable_params)
    shapes = {row.path.replace("/", "."): list(row.output_shape) for row in ours.rows if row.output_shape}
    paths = {id(child): path for path, child in module.named_modules()}
    found = {paths[info.layer_id]: info.output_size for info in theirs.summary_list if info.layer_id in paths}
    assert {path: shape for path, shape in found.items() if path} == shapes


@pytest.mark.parametrize(
    ("module", "shape", "output", "macs"),
    [
        (nn.Linear(4, 6), "B,T,4", "(None, T, 6)", "24*B*T"),
        (nn.Conv1d(2, 3, 3, padding=1), "B,2,T", "(None, 3, T)", "18*B*T"),
        (nn.LSTM(4, 5, batch_first=True), "B,7,4", "(None, 7, 5)", "1260*B"),
        (nn.AvgPool1d(2), "B,2,T", "(None, 2, floor(T/2))", "0"),
        (
            nn.Conv1d(2, 3, 5, stride=2, padding=1, dilation=2),
            "B,2,T",
            "(None, 3, ceil(T/2) - 3)",
            "30*B*ceil(T/2) - 90*B",
        ),
        (nn.MaxPool1d(3, 2, ceil_mode=True), "B,2,T", "(None, 2, floor(T/2))", "0"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_sizes_that_are_names(module, shape, output, macs):
    summary = summarize_module(module, {"input": parse_shape(shape)}, "", "")
    assert str(summary.outputs[0][1]).replace("float32[", "(").replace("]", ")") == output
    assert str(summary.totals.macs) == macs


class Halves(nn.Module):
    """Sizes that are halved by windows that begin at 0 and at 1, by steps and by a scale, and one that is joined to another."""

    def __init__(self):
        super().__init__()
        self.patches, self.stem, self.down = nn.Conv2d(3, 8, 4, 4), nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 2, 2)
        self.odd, self.even = nn.Conv2d(8, 8, 3, 2), nn.Conv2d(8, 8, 1)
        self.first = nn.Parameter(torch.zeros(1, 1, 8))
        self.mixed = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = self.mixed(torch.cat([self.first.expand(len(x), -1, -1), tokens], 1))
        y = nn.functional.max_pool2d(self.stem(x), 3, 2, 1)
        small = self.even(nn.functional.interpolate(y, scale_factor=0.5))
        return tokens, self.down(y), self.odd(y), self.even(y[..., 1::2, ::2]), small


def test_formulas_of_halved_sizes_hold_at_other_sizes():
    module = Halves()
    found = summarize_module(module, {"x": parse_shape("B,3,H,W")}, "", "")
    assert found.totals.macs != UNKNOWN
    for sizes in ({"B": 2, "H": 45, "W": 70}, {"B": 1, "H": 64, "W": 39}, {"B": 3, "H": 51, "W": 92}):
        shape = f"{sizes['B']},3,{sizes['H']},{sizes['W']}"
        real = summarize_module(module, {"x": parse_shape(shape)}, "", "")
        assert [dims.at(row.macs, sizes) for row in found.rows] == [row.macs for row in real.rows]
        assert [spec.at(sizes) for _, spec in found.outputs] == [spec for _, spec in real.outputs]


class Third(nn.Module):
    def forward(self, x):
        return x[:, : x.shape[1] // 3] @ x.mT


def test_a_cost_of_sizes_that_no_formula_explains_is_unknown():
    found = summarize_module(Third(), {"x": parse_shape("B,T,4")}, "", "")
    assert found.totals.macs == UNKNOWN
    assert str(found.outputs[0][1]) == "float32[None, None, T]"


def test_the_variables_of_a_module(cli, folder):
    module = from_python("net.py:net")
    state = module.state_dict()
    found = variables_of_module(module, "net")
    measure(found)
    rows = found.to_json()["variables"]
    assert [row["path"] for row in rows] == list(state)
    listed = json.loads(cli("vars", "net.py:net", "--format", "json").out)["variables"]
    assert [(row["path"], row["shape"]) for row in listed] == [(row["path"], list(row["shape"])) for row in rows]
    for row in rows:
        value = state[row["path"]]
        assert (row["shape"], row["parameters"]) == (tuple(value.shape), value.numel())
        assert row["statistics"]["maximum"] == pytest.approx(float(value.max()))
    assert [row["path"] for row in rows if not row["trainable"]] == [
        name for name in state if "running" in name or "batches" in name or name == "head.weight"
    ]


def test_it_is_left_as_it_was():
    module = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
    module.train()
    before = {name: x.clone() for name, x in module.state_dict().items()}
    summarize_module(module, {"input": Spec((1, 3))}, "", "")  # a batch of one, which is not enough in training
    assert all(torch.equal(x, before[name]) for name, x in module.state_dict().items())
    assert not any(child._forward_hooks for child in module.modules())
    assert module.training


def test_all_variables_are_those_of_the_state_dict():
    found = variables_of_module(nn.BatchNorm1d(3), "norm")
    assert [(row.path, row.dtype, row.trainable) for row in found.rows] == [
        ("weight", "float32", True), ("bias", "float32", True), ("running_mean", "float32", False),
        ("running_var", "float32", False), ("num_batches_tracked", "int64", False),
    ]  # fmt: skip
