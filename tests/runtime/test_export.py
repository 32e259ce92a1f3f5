"""Models written as graphs: torch and onnxruntime give what the model gives, for other batch sizes too."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from layercli import Input, InputSpec, Model, Sequential, layers, ops
from layercli.errors import FileError, NotBuiltError, UsageError
from layercli.export import ExportArchive
from layercli.models.lenet import lenet

RNG = np.random.default_rng(0)


def drawn():
    tokens, x = Input(("T",), dtype="int32", name="tokens"), Input((3,), name="x")
    embedded = layers.GlobalAveragePooling1D()(layers.Embedding(7, 4)(tokens))
    return Model(
        {"tokens": tokens, "x": x}, {"both": layers.Dense(2)(layers.Concatenate()([embedded, x])), "x": x * 2.0}
    )


def inputs_of_drawn(batch):
    return {"tokens": RNG.integers(0, 7, (batch, 5 + batch), "int32"), "x": RNG.standard_normal((batch, 3), "float32")}


class Written(Model):
    """Dropout is off in a graph, and a size of the batch stays open."""

    def __init__(self):
        super().__init__()
        self.first, self.drop, self.norm = layers.Dense(4), layers.Dropout(0.5), layers.BatchNormalization()

    def call(self, inputs):
        x = self.norm(self.drop(self.first(inputs)))
        return x + ops.broadcast_to(self.norm.gamma, (ops.shape(inputs)[0], 4))


CASES = {
    "drawn": (drawn, inputs_of_drawn),
    "lenet": (lenet, lambda batch: RNG.standard_normal((batch, 32, 32, 1), "float32")),
    "written": (Written, lambda batch: RNG.standard_normal((batch, 3), "float32")),
    "stack": (
        lambda: Sequential([Input((6, 3)), layers.LSTM(4)]),
        lambda batch: RNG.standard_normal((batch, 6, 3), "float32"),
    ),
}
cases = pytest.mark.parametrize("case", CASES)


def made(case):
    make, inputs = CASES[case]
    model = make()
    model(inputs(2))
    return model, inputs


def named(values, names):
    return values if isinstance(values, dict) else dict(zip(names, [values], strict=True))


BATCHES = (1, 5)


@cases
def test_torch_gives_the_same(case, tmp_path):
    model, inputs = made(case)
    model.export(tmp_path / "net.pt2")
    loaded = torch.export.load(tmp_path / "net.pt2").module()
    for given in map(inputs, BATCHES):
        as_tensors = (
            {k: torch.from_numpy(x) for k, x in given.items()} if isinstance(given, dict) else torch.from_numpy(given)
        )
        found = loaded(as_tensors)
        expected = model(given)
        for name, value in named(found, ["output"]).items():
            assert torch.allclose(value, named(expected, ["output"])[name], rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The model of a case, how its inputs are made, and its ONNX graph, which takes seconds to make."""

    @cache
    def graph(case):
        model, inputs = made(case)
        path = tmp_path_factory.mktemp(case) / "net.onnx"
        model.export(path)
        return model, inputs, path

    return graph


@cases
def test_onnxruntime_gives_the_same(case, graphs):
    model, inputs, path = graphs(case)
    assert [each.name for each in path.parent.iterdir()] == ["net.onnx"]
    session = onnxruntime.InferenceSession(path)
    for given in map(inputs, BATCHES):
        expected = model(given)
        found = session.run(None, named(given, [x.name for x in session.get_inputs()]))
        for value, wanted in zip(found, named(expected, ["output"]).values(), strict=True):
            assert np.allclose(value, wanted.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_names_in_a_graph(graphs):
    session = onnxruntime.InferenceSession(graphs("drawn")[2])
    assert [x.name for x in session.get_inputs()] == ["tokens", "x"]
    assert [x.name for x in session.get_outputs()] == ["both", "x_1"]


def test_a_model_in_training_stays_so(tmp_path):
    model, _ = made("written")
    model.module.train()
    model.export(tmp_path / "net.pt2")
    assert model.module.training


class Throws(Model):
    """What it computes depends on a die."""

    def call(self, inputs):
        return inputs * 2 if float(torch.rand(())) > 0.5 else inputs


REFUSED = {
    "never called": (
        lambda: Sequential([layers.Dense(2)], name="s"), "s.pt2", NotBuiltError,
        "s has no variables yet: their shapes follow from its input",
    ),
    "another ending": (
        lambda: made("written")[0], "net.h5", UsageError, "a model is exported to .pt2 or .onnx, not '{folder}/net.h5'",
    ),
    "no folder": (
        lambda: made("written")[0], "none/net.pt2", FileError,
        "cannot write {folder}/none/net.pt2: its folder does not exist",
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_exported(why, tmp_path):
    make, name, kind, message = REFUSED[why]
    with pytest.raises(kind) as error:
        make().export(tmp_path / name)
    assert str(error.value) == message.format(folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_follows_values_cannot_be_traced(tmp_path):
    model = Throws(name="throws")
    model(np.ones((2, 3), "float32"))
    with pytest.raises(UsageError) as error:
        model.export(tmp_path / "throws.pt2")
    assert str(error.value).startswith("throws cannot be exported: Could not guard on data-dependent expression")
    assert list(tmp_path.iterdir()) == []


def test_open_sizes_keep_their_names(graphs):
    session = onnxruntime.InferenceSession(graphs("drawn")[2])
    assert [x.shape for x in session.get_inputs()] == [["batch", "T"], ["batch", 3]]
    assert {x.shape[0] for x in session.get_outputs()} == {"batch"}


def test_the_formats_and_arguments_of_keras(tmp_path, capsys):
    model, _ = made("stack")
    model.export(tmp_path / "net", "onnx", opset_version=20, input_signature=[InputSpec(shape=(2, 6, 3))], verbose=True)
    session = onnxruntime.InferenceSession(tmp_path / "net")
    assert [x.shape for x in session.get_inputs()] == [[2, 6, 3]]
    assert capsys.readouterr().out == f"Saved the graph of {model.name} in {tmp_path}/net\n"
    model.export(tmp_path / "net.pt2", "torch", dynamic_shapes={0: torch.export.Dim("batch", min=1, max=8)})
    [limits] = torch.export.load(tmp_path / "net.pt2").range_constraints.values()
    assert (limits.lower, limits.upper) == (1, 8)
    fresh = Sequential([layers.Dense(2)])
    fresh.export(tmp_path / "fresh.pt2", input_signature=Input((3,)))
    assert torch.export.load(tmp_path / "fresh.pt2").module()(torch.ones(5, 3)).shape == (5, 2)
    for settings, message in (
        ({"format": "tf_saved_model"}, "export writes the formats torch and onnx, got 'tf_saved_model'"),
        ({"format": "onnx", "opset": 2}, "export to onnx takes no opset"),
        ({"strickt": True}, "export to torch takes no strickt"),
    ):
        with pytest.raises(UsageError) as error:
            model.export(tmp_path / "no.pt2", **settings)
        assert str(error.value) == message


def test_an_archive_of_endpoints(tmp_path):
    model, inputs = made("written")
    archive = ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model)
    signature = [InputSpec(shape=(None, 3)), InputSpec(shape=(4, 3))]
    archive.add_endpoint("both", lambda x, y: {"x": model(x, training=False) * 2, "y": model(y)}, signature)
    archive.add_variable_collection("trained", archive.trainable_variables)
    archive.write_out(tmp_path / "net", verbose=False)
    assert sorted(path.name for path in (tmp_path / "net").iterdir()) == [
        "both.pt2", "endpoints.json", "serve.pt2", "trained.safetensors",
    ]  # fmt: skip
    index = json.loads((tmp_path / "net" / "endpoints.json").read_text())
    assert [each["shape"] for each in index["endpoints"]["both"]["inputs"]] == [[None, 3], [4, 3]]
    x, y = (torch.from_numpy(inputs(size)) for size in (2, 4))
    found = torch.export.load(tmp_path / "net" / "both.pt2").module()(x, y)
    torch.testing.assert_close(found, {"x": model(x) * 2, "y": model(y)})
    torch.testing.assert_close(torch.export.load(tmp_path / "net" / "serve.pt2").module()(x), model(x))
    assert len(load_file(tmp_path / "net" / "trained.safetensors")) == len(model.trainable_variables)
    for wrong, message in (
        (lambda: archive.add_endpoint("serve", model), "the archive already has an endpoint serve"),
        (lambda: archive.add_endpoint("a/b", model), "a name in an archive is an identifier, got 'a/b'"),
        (lambda: ExportArchive().add_endpoint("a", len, []), "the layers that the endpoint a uses are tracked first"),
        (lambda: ExportArchive().write_out("a"), "the archive has no endpoints yet"),
        (lambda: ExportArchive("tf"), "an ExportArchive is a folder of torch's graphs, and has no format 'tf'"),
    ):
        with pytest.raises(UsageError) as error:
            wrong()
        assert str(error.value) == message


def test_quantized_layers(tmp_path):
    stack = [Input((6,)), layers.Dense(5), layers.EinsumDense("ab,bc->ac", 4), layers.Dense(3)]
    model = Sequential(stack)
    for layer, mode in zip(model.layers, ("int8", "int4", "float8"), strict=True):
        layer.quantize(mode)
    x = RNG.standard_normal((5, 6), "float32")
    expected = model(x).detach().numpy()
    for name in ("net.pt2", "net.onnx"):
        model.export(tmp_path / name)
    found = torch.export.load(tmp_path / "net.pt2").module()(torch.from_numpy(x))
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-6)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    [found] = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
