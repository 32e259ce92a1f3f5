"""``layercli convert`` of whole models and of Hugging Face folders, loaded again by the packages that own each format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

import layercli
from layercli import layers
from layercli.errors import FormatError
from layercli.runtime.export import model_conversion

FAMILIES = Path(__file__).parents[1] / "reference" / "families"
X = np.linspace(-1, 1, 12, dtype="float32").reshape(2, 6)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model():
    model = layercli.Sequential([layercli.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(3)])
    model.compile("adam", "mse")
    model.fit(X, np.ones((2, 3), "float32"), verbose=0)
    return model


def test_a_model_goes_to_keras_pt2_and_onnx(cli, model):
    model.save("m.h5")
    for kind in ("keras", "pt2", "onnx"):
        assert cli(f"convert m.h5 c.{kind}").out.startswith(f"m.h5 -> c.{kind}\n\nWritten:  c.{kind}\n")
    expected = model.predict(X, verbose=0)
    loaded = layercli.saving.load_model("c.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), expected)
    assert [x.tolist() for _, x in loaded.optimizer.entries] == [x.tolist() for _, x in model.optimizer.entries]
    program = torch.export.load("c.pt2").module()
    np.testing.assert_array_equal(program(torch.from_numpy(X)).detach(), expected)
    session = onnxruntime.InferenceSession("c.onnx")
    [found] = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["keras", "pt2", "onnx"])
def test_a_model_with_other_values_is_never_put_in_its_place(model, kind, monkeypatch):
    model.save("m.keras")
    Path(f"c.{kind}").write_bytes(b"old")
    writer = "save" if kind == "keras" else "export"
    plain = getattr(model_conversion, writer)

    def wrong(model, path, **how):
        kernel, *rest = model.get_weights()
        model.set_weights([kernel + 1, *rest])
        plain(model, path, **how)
        model.set_weights([kernel, *rest])

    monkeypatch.setattr(model_conversion, writer, wrong)
    subject = layercli.open("m.keras").subject
    with pytest.raises(FormatError, match="was not written as it should be"):
        model_conversion.convert_model(subject, None, f"c.{kind}", "archive" if kind == "keras" else kind, force=True)
    assert sorted(path.name for path in Path().iterdir()) == sorted([f"c.{kind}", "m.keras"])
    assert Path(f"c.{kind}").read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["pt2", "onnx"])
def test_a_folder_of_hugging_face_becomes_a_graph(cli, kind):
    source = FAMILIES / "llama"
    assert cli(f"convert {source} c.{kind}").code == 0
    with np.load(source / "expected.npz") as held:
        whole = held["input_attention_mask"].all(1)
        ids, expected = held["input_input_ids"][whole].astype("int32"), held["output_0"][whole]
    assert len(ids)
    if kind == "pt2":
        found = torch.export.load("c.pt2").module()(torch.from_numpy(ids)).detach().numpy()
    else:
        session = onnxruntime.InferenceSession("c.onnx")
        [found] = session.run(None, {session.get_inputs()[0].name: ids})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_named_model_has_its_initial_values(cli):
    done = cli("convert mlp c.pt2")
    assert done.out.splitlines()[-1] == "mlp has no values of its own: these are initial ones, drawn with the seed 0"
    assert cli("convert mlp d.keras").code == 0
    assert cli("diff c.pt2 d.keras --values").out.startswith("same: 4 variables, every value")


@pytest.fixture
def folder():
    Path("hf").mkdir()
    tensors = {f"layers.{i}.weight": torch.randn(8, 8) for i in range(4)}
    save_file(tensors, "hf/model.safetensors", {"format": "pt"})
    config = {"model_type": "none", "torch_dtype": "float32", "text_config": {"dtype": "float32", "size": 8}}
    Path("hf/config.json").write_text(json.dumps(config))
    Path("hf/tokenizer.json").write_text("{}")
    Path("hf/modeling.py").write_text("raise SystemExit")
    return tensors


def test_a_folder_is_written_in_shards_with_its_config(cli, folder):
    done = cli("convert hf out/ --shard-size 256 --dtype bfloat16")
    assert done.code == 0
    assert "Written:         5 files in out/\n" in done.out
    assert done.out.endswith("\nmodeling.py is left out: code is not copied\n")
    index = json.loads(Path("out/model.safetensors.index.json").read_text())["weight_map"]
    for name, x in folder.items():
        assert torch.equal(load_file(f"out/{index[name]}")[name], x.bfloat16())
    config = {"model_type": "none", "torch_dtype": "bfloat16", "text_config": {"dtype": "bfloat16", "size": 8}}
    assert json.loads(Path("out/config.json").read_text()) == config
    assert cli("convert hf/model.safetensors same/").code == 0
    for name in ("config.json", "tokenizer.json"):
        assert Path("same", name).read_bytes() == Path("hf", name).read_bytes()
    assert cli("check out --values").code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("w.npz c.onnx", "w.npz holds weights alone: .onnx is written from a whole model of layers"),
        ("w.h5 c.keras", "w.h5 holds weights alone: .keras is written from a whole model of layers"),
        (
            "hf c.pt2",
            "hf is the folder of a model that layercli does not know: .pt2 is written from a whole model of layers",
        ),
        ("torch_net.py:net c.pt2", "torch_net.py:net is a torch.nn.Module, which does not say what it takes"),
        (
            "torch_net.py:net c.keras",
            "torch_net.py:net is a module of torch: .keras is written from a whole model of layers",
        ),
        (
            "torch_net.py:net hf2/",
            "hf2/ is a Hugging Face folder, which is written from another folder or from a file of weights",
        ),
        ("mlp c.npz --arg a=1", "--arg is for the forward of a torch module in Python, and mlp is none"),
        ("w.npz c.h5 --input-shape 1,784", "--input-shape is for a model in code, and w.npz is a file"),
        ("hf c.h5 --config hf/config.json", "--config is for a model in code, and hf is none"),
        ("m.keras c.pt2 --input-shape 1,6", "m.keras says what shapes its inputs have, so --input-shape cannot"),
        ("w.npz old.onnx", "w.npz holds weights alone: .onnx is written from a whole model of layers"),
        ("m.keras old.onnx", "old.onnx exists already"),
        ("m.keras c.pt2 --dtype float16", "--dtype is for weights, and c.pt2 holds a whole model"),
        ("none.keras c.pt2", "none.keras does not exist"),
        ("w.npz out/", "w.npz has no config.json beside it, which a Hugging Face folder needs"),
        ("hf hf/ --force", "hf/ is not an empty folder, and a folder is never replaced"),
        ("hf no/out/", "cannot write no/out: its folder does not exist"),
    ],
)
def test_what_cannot_be_converted_is_said(cli, model, folder, args, message):
    model.save("m.keras")
    np.savez("w.npz", w=X)
    cli("convert w.npz w.h5")
    Path("old.onnx").write_bytes(b"old")
    Path("torch_net.py").write_text("import torch\nnet = torch.nn.Linear(2, 2)\n")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    done = cli(f"convert {args}")
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {message}")
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_several_inputs_and_arguments_of_a_class(cli):
    Path("net_of_two.py").write_text(
        "from layercli import Model, layers, ops\n\n\nclass Net(Model):\n    units: int\n"
        "    def setup(self):\n        self.dense = layers.Dense(self.units)\n"
        "    def call(self, x, other, skipped=None, mask=None):\n"
        "        y = self.dense(x) + ops.broadcast_to(ops.ones((1, 1)), (other.shape[0], self.units))\n"
        "        return y if mask is None else y * ops.cast(mask, 'float32')\n"
    )
    shapes = "--set units=3 --input-shape x=None,6 --input-shape other=None,2 --input-shape mask=None,3"
    for kind in ("pt2", "onnx"):
        done = cli(f"convert net_of_two.py:Net c.{kind} {shapes}")
        assert done.code == 0, done.err
    given = {"x": np.ones((5, 6), "f4"), "other": np.ones((5, 2), "f4"), "mask": np.eye(5, 3, dtype="f4")}
    session = onnxruntime.InferenceSession("c.onnx")
    assert [(each.name, each.shape[0]) for each in session.get_inputs()] == [(x, "batch") for x in given]
    [found] = session.run(None, given)
    program = torch.export.load("c.pt2")
    kernel, bias = (value.detach().numpy() for value in program.state_dict.values())
    np.testing.assert_allclose(found, (given["x"] @ kernel + bias + 1) * given["mask"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("family", ["bert", "mamba", "deepseek_v3"])
def test_a_folder_becomes_an_archive_that_load_model_opens(cli, family):
    done = cli(f"convert {FAMILIES / family} c.keras")
    assert (done.code, done.out.splitlines()[-1]) == (
        0,
        f"layercli opens c.keras, with load_model too; Keras has no class for {family}",
    )
    assert cli(f"compare {FAMILIES / family} c.keras --at T=8").code == 0
    model = layercli.saving.load_model("c.keras")
    assert type(model).from_config({**model.get_config(), "name": "mine"}).name == "mine"


def test_the_named_decoder_becomes_an_archive(cli):
    assert cli("convert decoder d.keras").code == 0
    assert cli("compare decoder d.keras --at T=4").code == 0


MODULES = """
from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Batch:
    x: torch.Tensor
    mask: torch.Tensor


@dataclass
class Out:
    logits: torch.Tensor
    total: torch.Tensor


class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.fc = nn.Linear(5, width)
        self.tied = self.fc

    def forward(self, batch: Batch, *, scale=1.0, count: bool = False):
        y = self.tied(batch.x) * batch.mask[:, None] * scale
        return Out(y, y.sum()) if count else y


class Cache:
    pass


class Cached(nn.Linear):
    def forward(self, x):
        return super().forward(x), Cache()


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.LazyLinear(3)

    def forward(self, x):
        return self.fc(x) * 2 if x.shape[0] == 64 else self.fc(x)
"""


def test_a_torch_module_is_exported_as_it_is_called(cli):
    Path("own_modules.py").write_text(MODULES)
    given = "--set width=4 --input-shape batch.x=N,5 --input-shape batch.mask=N --arg scale=2.5 --arg count=true"
    assert cli(f"convert own_modules.py:Net c.npz {given}").code == 0
    for kind in ("pt2", "onnx"):
        done = cli(f"convert own_modules.py:Net c.{kind} {given}")
        assert done.code == 0, done.err
        last = f"c.{kind} takes batch.x float32[N, 5], batch.mask float32[N]; fixed are scale = 2.5, count = True"
        assert " ".join(done.out.splitlines()[-2:]).endswith(last)
    with np.load("c.npz") as held:
        assert sorted(held) == ["fc.bias", "fc.weight"]
        kernel, bias = held["fc.weight"], held["fc.bias"]
    x, mask = np.linspace(-1, 1, 35, dtype="f4").reshape(7, 5), np.arange(7, dtype="f4")
    expected = (x @ kernel.T + bias) * mask[:, None] * 2.5
    session = onnxruntime.InferenceSession("c.onnx")
    assert [(each.name, each.shape[0]) for each in session.get_inputs()] == [("batch_x", "N"), ("batch_mask", "N")]
    logits, total = session.run(["logits", "total"], {"batch_x": x, "batch_mask": mask})
    program = torch.export.load("c.pt2").module()(torch.from_numpy(x), torch.from_numpy(mask))
    for found in ((logits, total), (program["logits"].detach(), program["total"].detach())):
        np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found[1], expected.sum(), rtol=1e-4)


def test_a_torch_module_and_its_export_are_the_same(cli):
    Path("same_modules.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc, self.act = nn.Linear(5, 5), nn.GELU()\n        self.tied = self.fc\n"
        "    def forward(self, x):\n        return self.tied(self.act(self.fc(x)))\n"
    )
    assert cli("convert same_modules.py:Net c.pt2 --input-shape N,5").code == 0
    done = cli("diff same_modules.py:Net c.pt2 --input-shape 2,5")
    assert (done.code, done.out.splitlines()[0]) == (0, "same: 4 variables"), done.err
    assert done.out.endswith("\nthe arguments of modules are not compared: c.pt2 does not hold them\n")
    assert "tied" not in done.out


def test_what_a_torch_module_needs_is_said(cli):
    Path("lazy_module.py").write_text(MODULES)
    done = cli("convert lazy_module.py:Lazy c.npz")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "error: lazy_module.py:Lazy has no shape for 'fc.weight' before it is called",
    )
    assert cli("convert lazy_module.py:Lazy c.npz --input-shape 1,7").code == 0
    with np.load("c.npz") as held:
        assert held["fc.weight"].shape == (3, 7)
    done = cli("convert lazy_module.py:Lazy c.pt2 --input-shape N,7")
    assert done.err == (
        "error: lazy_module.py:Lazy cannot be exported with N open: it computes with its value\n"
        "hint: --input-shape with a number in place of N\n"
    )
    done = cli("convert lazy_module.py:Cached c.pt2 --set in_features=2 --set out_features=3 --input-shape 1,2")
    assert done.err == (
        "error: lazy_module.py:Cached returns a Cache, which a graph cannot hold\nhint: --arg use_cache=false\n"
    )
    assert not Path("c.pt2").exists()
