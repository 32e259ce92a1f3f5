"""One way to open a model: every kind is a Source, told by what is in the file and not by its name."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx_graphs import exported

import layercli
from layercli import Input, Model, layers
from layercli.core.spec import Spec
from layercli.errors import FileError, FormatError, UsageError
from layercli.formats.safetensors import save
from layercli.inspect.model_graph import ModelGraph
from layercli.sources.resolve import resolve


class Net(torch.nn.Module):
    def __init__(self, units: int = 4):
        super().__init__()
        self.embed = torch.nn.Embedding(5, units)
        self.head = torch.nn.Linear(units, 5)
        self.head.weight = self.embed.weight

    def forward(self, x):
        return self.head(self.embed(x))


def module(units=2):
    made = torch.nn.Sequential(torch.nn.Linear(3, units), torch.nn.ReLU())
    for x in made.parameters():
        x.data = torch.arange(1.0, x.numel() + 1).reshape(x.shape)
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    x = Input((3,), name="x")
    Model(x, layers.Dense(2, activation="relu")(x)).save(folder / "a.keras")
    exported(module(), [torch.zeros(1, 3)], folder / "a.onnx")
    torch.export.save(torch.export.export(module(), (torch.zeros(1, 3),)), folder / "a.pt2")
    weights = {"a/kernel": np.ones((3, 2), "float32"), "a/bias": np.ones(2, "float32")}
    save(folder / "a.safetensors", weights)
    np.savez(folder / "a.npz", **weights)
    torch.save(module().state_dict(), folder / "a.pt")
    return folder


KINDS = {
    "a.keras": "LayerSource",
    "a.onnx": "OnnxSource",
    "a.pt2": "ExportedProgramSource",
    "a.safetensors": "WeightsSource",
    "a.npz": "WeightsSource",
    "a.pt": "WeightsSource",
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("ending", ["", ".bin", ".onnx", ".keras", ".safetensors"])
def test_a_kind_is_told_by_content(made, tmp_path, name, ending):
    file = tmp_path / f"renamed{ending}"
    file.write_bytes((made / name).read_bytes())
    source = layercli.open(file)
    assert type(source).__name__ == KINDS[name]
    assert source.summary().totals.parameters == 8
    assert source.variables().parameters == 8
    assert sum(value.spec.size for value in source.graph().variables_below()) == 8


def test_every_kind_of_text_path_and_object():
    dense = layers.Dense(2, name="d")
    for model, name in [("mlp", "mlp"), (dense, "d"), (Net(), "Net"), (Net, "Net"), (layers.Dense, "Dense")]:
        settings = {"units": 3} if isinstance(model, type) else {}
        source = layercli.open(model, **settings)
        assert source.name == name
        assert isinstance(source.graph((1, 4) if "ense" in name or name == "d" else None), ModelGraph)
    assert layercli.open(dense).model is dense
    assert layercli.open(Net, units=3).model.embed.weight.shape == (5, 3)
    assert layercli.open(Net()).graph().tied == (("embed/weight", "head/weight"),)


def test_settings_make_the_model():
    assert layercli.open("resnet-block", kernel_size=5).model.kernel_size == 5
    assert resolve("resnet-block", ["kernel_size=5"]).model.kernel_size == 5
    with pytest.raises(UsageError, match=r"resnet-block has no argument 'kernl'"):
        layercli.open("resnet-block", kernl=5)
    with pytest.raises(UsageError, match=r"d is an existing model: it takes no arguments"):
        layercli.open(layers.Dense(2, name="d"), units=3)
    with pytest.raises(UsageError, match=r"^int gives an int, not a layercli Layer or Model, or a torch.nn.Module$"):
        layercli.open(int)


@pytest.mark.parametrize("given", [(None, 3), Spec((None, 3)), {"inputs": ("B", 3)}, [[None, 3]]], ids=repr)
def test_inputs_are_shapes_or_specs_alone_or_by_name(given):
    source = layercli.open(layers.Dense(2))
    if isinstance(given, dict):
        source = layercli.open(torch.nn.Linear(3, 2))
        given = {"input": ("B", 3)}
    given = given[0] if isinstance(given, list) else given
    report = source.summary(given)
    assert [str(spec) for _, spec in report.inputs] == ["float32[None, 3]"]
    assert [str(spec) for _, spec in report.outputs] == ["float32[None, 2]"]


def test_what_a_kind_cannot_do_is_one_sentence(made):
    weights = layercli.open(made / "a.npz")
    with pytest.raises(FileError) as error:
        weights.prepare(np.ones((1, 3), "float32"))
    assert str(error.value) == f"{made / 'a.npz'} holds weights, not a model"
    assert error.value.hint == f"give them to one: MODEL --weights {made / 'a.npz'}"
    with pytest.raises(UsageError, match=r"a.npz holds weights: it takes no arguments and no shape"):
        weights.inputs(["1,3"])
    with pytest.raises(UsageError, match=r"a.npz holds weights: it takes no arguments and no shape"):
        layercli.open(made / "a.npz", units=3)
    with pytest.raises(UsageError, match=r"a.onnx is an existing model: it takes no arguments"):
        layercli.open(made / "a.onnx", units=3)


def test_what_is_nothing_that_can_be_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("word.bin").write_text("hello")
    Path("net.py").write_text("x = 1")
    os.mkfifo("pipe")
    os.mkdir("folder")
    for text, kind, message in [
        ("word.bin", FormatError, "word.bin is in no format that layercli knows"),
        ("net.py", UsageError, "net.py needs the name of a model in it"),
        ("pipe", FileError, "pipe is not a regular file"),
        ("folder", FileError, "folder is a folder, not a model"),
        ("wrod.bin", FileError, "wrod.bin does not exist"),
        ("resnet5", UsageError, "there is no model 'resnet5'"),
        ("", UsageError, "the name of a model is missing"),
    ]:
        with pytest.raises(kind) as error:
            layercli.open(text)
        assert str(error.value) == message


def test_a_program_gives_what_the_module_gives(made):
    x = np.linspace(-1, 2, 6, dtype="float32").reshape(2, 3)
    wanted = module()(torch.from_numpy(x[:1])).detach().numpy()
    for name in ("a.onnx", "a.pt2"):
        source = layercli.open(made / name)
        program = source.prepare({next(iter(source.inputs())): x[:1]}, device="cpu")
        [(_, found)] = program.outputs(program.place({"x": x[:1]}))
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)
    program = layercli.open(module()).prepare({"input": x}, device="cpu")
    [(_, found)] = program.outputs(program.place({"input": x}))
    np.testing.assert_allclose(found.numpy()[:1], wanted, rtol=1e-6)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.act = torch.nn.ReLU()

    def forward(self, x):
        return self.act(self.conv(self.act(x)))


def test_the_graph_of_an_onnx_says_what_its_summary_says(tmp_path):
    model = torch.nn.Sequential(Block(), Block(), torch.nn.Flatten(), torch.nn.Linear(48, 2))
    batch = {0: torch.export.Dim("batch", max=64)}
    file = exported(model, [torch.zeros(2, 3, 4, 4)], tmp_path / "b.onnx", dynamic_shapes=(batch,), optimize=False)
    source = layercli.open(file)
    graph, report = source.graph(), source.summary()
    assert graph.macs() == report.totals.macs
    assert [(name, graph.values[place].spec) for name, place in graph.inputs] == report.inputs
    assert [(name, graph.values[place].spec) for name, place in graph.outputs] == report.outputs
    known = {i for i, value in enumerate(graph.values) if value.kind.value != "activation"}
    for call in graph.calls:
        assert set(call.inputs) <= known
        known |= set(call.outputs)
    for path in ("0", "1"):
        [row] = [row for row in report.rows if row.path == path]
        assert (graph.macs(path), graph.modules[path].class_name) == (row.macs, row.cls)
        assert sum(value.spec.size for value in graph.variables_below(path)) == row.parameters == 84
