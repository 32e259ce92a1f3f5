"""``layercli run``: inputs in, outputs out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import layercli
from layercli.formats.safetensors import save
from layercli.models.basics import MLP, MyDenseLayer

NET = """
from layercli import Input, Model, layers

def two():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    return Model([a, b], {"sum": layers.Dense(2, name="left")(a) + b, "right": layers.Dense(4, name="right")(b)})
"""


def test_what_is_written_is_what_the_model_gives(cli, tmp_path):
    x = np.random.default_rng(0).standard_normal((4, 784)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    done = cli("run", "mlp", "--input", str(tmp_path / "x.npy"), "--output", str(tmp_path / "y.npy"), "--device", "cpu")
    assert (done.code, done.err) == (0, f"wrote {tmp_path / 'y.npy'}\n")
    layercli.utils.set_random_seed(0)
    with torch.inference_mode():
        expected = MLP()(x)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


ARGUMENTS = """
import torch

class Product(torch.nn.Module):
    def forward(self, x, mask):
        return x * mask
"""


def test_shapes_go_by_name_too(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shaped.py").write_text(NET + ARGUMENTS)
    for model, shapes, given in [
        ("two", "--input-shape b=5,2 --input-shape a=5,3", ["float32[5, 3]", "float32[5, 2]"]),
        ("Product", "--input-shape mask=2,1 --input-shape x=2,3", ["float32[2, 3]", "float32[2, 1]"]),
    ]:
        done = cli(f"run shaped.py:{model} {shapes} --device cpu --format json")
        assert json.loads(done.out)["inputs"] == given
    summary = json.loads(cli("summary shaped.py:two --input-shape b=5,2 --input-shape a=5,3 --format json").out)
    assert [end["shape"] for end in summary["inputs"]] == [[5, 3], [5, 2]]
    for shapes, said in [
        ("--input-shape a=5,3 --input-shape c=5,2", "error: the model has no input 'c'\nhint: its inputs: a, b\n"),
        ("--input-shape a=5,3 --input-shape 5,2", "error: a shape for one of a, b is written name=1,2,3, got '5,2'\n"),
    ]:
        done = cli(f"run shaped.py:two {shapes} --device cpu")
        assert (done.code, done.out, done.err) == (2, "", said)


def test_weights_come_from_a_file(cli, tmp_path):
    kernel = np.arange(50, dtype="float32").reshape(5, 10)
    save(tmp_path / "w.safetensors", {"kernel": kernel})
    np.save(tmp_path / "x.npy", np.eye(5, dtype="float32"))
    args = ["--input", str(tmp_path / "x.npy"), "--output", str(tmp_path / "y.npy"), "--device", "cpu"]
    done = cli("run", "my-dense", "--weights", str(tmp_path / "w.safetensors"), "--input-shape", "5,5", *args)
    assert done.code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), kernel)


def test_several_inputs_and_outputs_go_by_name(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net2.py").write_text(NET)
    np.savez(tmp_path / "x.npz", b=np.ones((3, 2), "float32"), a=np.zeros((3, 3), "float32"))
    done = cli("run net2.py:two --input x.npz --output y.npz --format json --device cpu")
    assert done.code == 0
    outputs = {out["name"]: out["shape"] for out in json.loads(done.out)["outputs"]}
    assert outputs == {"sum": [3, 2], "right": [3, 4]}
    with np.load(tmp_path / "y.npz") as written:
        assert {name: written[name].shape for name in written} == {"sum": (3, 2), "right": (3, 4)}
        np.testing.assert_array_equal(written["sum"], np.ones((3, 2)))


def test_the_same_seed_gives_the_same_figures(cli):
    first, again, other = (cli(f"run resnet-block --format json --device cpu --seed {seed}").out for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("fill", "value"), [("zeros", 0.0), ("ones", 5.0)])
def test_inputs_are_filled_in(cli, tmp_path, fill, value):
    save(tmp_path / "w.safetensors", {"kernel": np.ones((5, 10), "float32")})
    done = cli("run", "my-dense", "--fill", fill, "--weights", str(tmp_path / "w.safetensors"), "--format", "json")
    [out] = json.loads(done.out)["outputs"]
    assert (out["minimum"], out["mean"], out["maximum"], out["finite"]) == (value, value, value, True)
    assert out["first"] == [value] * 5


def test_values_that_are_not_finite_are_said(cli, tmp_path):
    save(tmp_path / "w.safetensors", {"kernel": np.full((5, 10), np.inf, "float32")})
    done = cli("run", "my-dense", "--fill", "ones", "--weights", str(tmp_path / "w.safetensors"), "--format", "json")
    [out] = json.loads(done.out)["outputs"]
    assert (out["finite"], out["minimum"], out["first"][0]) == (False, None, "Infinity")


def test_quiet_says_nothing_beside_the_data(cli, tmp_path):
    done = cli("--quiet", "run", "my-dense", "--output", str(tmp_path / "y.npy"))
    assert (done.code, done.err) == (0, "")


def test_weights_by_path_are_what_state_dict_calls_them(cli, tmp_path):
    layer = MyDenseLayer()
    layer.build((None, 5))
    save(tmp_path / "w.safetensors", {name.replace("/", "."): v.numpy() for name, v in layer.named_variables().items()})
    done = cli("run", "my-dense", "--weights", str(tmp_path / "w.safetensors"))
    assert done.code == 0


PLAIN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(width, 3), nn.Dropout(0.9))

    def forward(self, x, scale=1.0):
        return {"logits": self.rest(self.first(x)) * scale}

net = Net()

def infinite():
    layers = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Softmax(-1))
    with torch.no_grad():
        layers[1][0].weight.fill_(float("inf"))
    return layers
"""


@pytest.fixture
def plain(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.py").write_text(PLAIN)
    return tmp_path


def document(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.parametrize("reference", ["plain.py:Net", "plain.py:net", "plain.py:Net --set width=5"])
def test_a_torch_module_runs_as_its_author_made_it(cli, plain, reference):
    x = np.random.default_rng(0).standard_normal((2, 4)).astype("float32")
    np.save("x.npy", x)
    done = document(cli(f"run {reference} --input x.npy --device cpu --output y.npy --format json --seed 3 --force"))
    [out] = done["outputs"]
    assert (out["name"], out["shape"]) == ("logits", [2, 3])
    scope = {}
    torch.manual_seed(3)
    exec(PLAIN, scope)  # the same file, in the same order, under the same seed
    net = scope["Net"](5) if "width" in reference else scope["net"]
    if reference == "plain.py:Net":
        net = scope["Net"]()
    with torch.inference_mode():
        np.testing.assert_array_equal(np.load("y.npy"), net.eval()(torch.from_numpy(x))["logits"])


def test_a_module_has_no_shapes_of_its_own(cli, plain):
    done = cli("run plain.py:Net")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        "error: plain.py:Net is a torch.nn.Module, which does not say what it takes\n"
        "hint: give it inputs, --input x.npy, or their shapes, --input-shape 1,3,224,224\n",
    )


def test_weights_of_a_module_are_its_state_dict(cli, plain):
    state = {"first.weight": np.ones((8, 4), "float32"), "first.bias": np.zeros(8, "float32"),
             "rest.1.weight": np.ones((3, 8), "float32"), "rest.1.bias": np.zeros(3, "float32")}  # fmt: skip
    save("w.safetensors", state)
    done = document(
        cli("run plain.py:Net --input-shape 1,4 --fill ones --weights w.safetensors --device cpu --format json")
    )
    assert done["outputs"][0]["first"] == [32, 32, 32]
    save("w.safetensors", {name: value for name, value in state.items() if "bias" not in name})
    done = cli("run plain.py:Net --input-shape 1,4 --weights w.safetensors --device cpu")
    assert done.err == "error: w.safetensors has no first.bias (and 1 more)\nhint: did you mean first/weight?\n"


def test_weights_of_a_lightning_module_are_those_of_the_model_that_it_holds(cli, plain):
    state = {"model.first.weight": torch.ones(8, 4), "model.first.bias": torch.zeros(8),
             "model.rest.1.weight": torch.ones(3, 8), "model.rest.1.bias": torch.zeros(3)}  # fmt: skip
    torch.save({"epoch": 1, "pytorch-lightning_version": "2.6.6", "state_dict": state}, "lit.ckpt")
    done = cli("run plain.py:Net --input-shape 1,4 --fill ones --weights lit.ckpt --device cpu --format json")
    assert document(done)["outputs"][0]["first"] == [32, 32, 32]


def test_results_of_layers_are_saved_by_their_paths(cli, plain):
    done = document(
        cli("run mlp --layers hidden --device cpu --output y.safetensors --format json --seed 1 --input-shape 2,784")
    )
    assert [layer["name"] for layer in done["layers"]] == ["hidden_layers/0"]
    from safetensors.numpy import load_file

    from layercli import random
    from layercli.core import naming

    naming.clear_session()
    random.set_seed(1)
    model = MLP()
    with torch.inference_mode():
        x = np.random.default_rng(1).standard_normal((2, 784), dtype="float32")
        model(x)
        expected = model.hidden_layers[0](torch.from_numpy(x))
    written = load_file("y.safetensors")
    np.testing.assert_array_equal(written["hidden_layers/0"], expected)
    assert sorted(written) == ["hidden_layers/0", "output"]


def test_a_layer_called_twice_gives_two_results(cli, plain):
    (plain / "twice.py").write_text(
        "from layercli import Model, layers\n"
        "class Twice(Model):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(4)\n"
        "    def call(self, inputs):\n        return self.dense(self.dense(inputs))\n"
    )
    done = document(cli("run twice.py:Twice --input-shape 2,4 --layers dense --device cpu --format json"))
    assert [layer["name"] for layer in done["layers"]] == ["dense", "dense#2"]
    assert done["layers"][1]["first"] == done["outputs"][0]["first"] != done["layers"][0]["first"]


def test_check_names_where_numbers_end(cli, plain):
    done = cli("run plain.py:infinite --input-shape 1,4 --device cpu --check --format json")
    assert (done.code, done.err) == (1, "not finite, first in 1/0 (Linear)\n")
    assert json.loads(done.out)["check"] == {"finite": False, "starts_in": "1/0 (Linear)"}
    np.save("x.npy", np.full((1, 4), np.nan, "float32"))
    done = cli("run plain.py:Net --input x.npy --device cpu --check")
    assert (done.code, done.err) == (1, "not finite, first in the inputs\n")
    assert cli("run mlp --device cpu --check").code == 0


def test_an_intermediate_result_that_is_not_finite_counts_when_it_is_asked_for(cli, plain):
    (plain / "mask.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Mask(nn.Module):\n    def forward(self, x):\n        return x / 0\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.mask = Mask()\n"
        "    def forward(self, x):\n        return torch.exp(-self.mask(x).abs())\n"
    )
    command = "run mask.py:Net --input-shape 1,4 --fill ones --device cpu --check"
    assert cli(command).code == 0
    done = cli(f"{command} --layers mask")
    assert (done.code, done.err) == (1, "not finite, first in mask (Mask)\n")


def test_standard_output_carries_the_values_and_nothing_else(capfdbinary, plain):
    from layercli.cli.main import run

    assert run(["run", "my-dense", "--device", "cpu", "--output", "-", "--format", "plain"]) == 0
    out, err = capfdbinary.readouterr()
    import io

    assert np.load(io.BytesIO(out)).shape == (10, 10)
    assert err.startswith(b"wrote to standard output\nmy-dense\n\nOutput")


def test_csv_gives_back_what_was_computed(cli, plain):
    assert cli("run my-dense --device cpu --output y.csv").code == 0
    assert cli("run my-dense --device cpu --output y.npy").code == 0
    np.testing.assert_array_equal(np.loadtxt("y.csv", delimiter=",", dtype="float32", ndmin=2), np.load("y.npy"))


@pytest.mark.parametrize(("shape", "text"), [((0, 784), ""), ((2, 784), None)])
def test_csv_has_a_line_for_each_row(cli, plain, shape, text):
    np.save("x.npy", np.zeros(shape, "float32"))
    assert cli("run mlp --device cpu --input x.npy --output y.csv").code == 0
    written = (plain / "y.csv").read_text()
    assert written == text or written.count("\n") == 2


def test_the_highest_classes_have_their_names(cli, plain):
    (plain / "labels.txt").write_text("".join(f"digit {i}\n" for i in range(10)))
    done = document(cli("run mlp --device cpu --output y.npy --top 2 --labels labels.txt --format json"))
    values = np.load("y.npy")[0]
    best = int(values.argmax())
    assert done["top"][0] == {
        "item": 0, "rank": 1, "class": best, "label": f"digit {best}", "value": float(values[best]),
    }  # fmt: skip
    assert len(done["top"]) == 2
    drawn = cli("run mlp --device cpu --top 2 --labels labels.txt --format plain").out
    assert f"digit {best}" in drawn.partition("Highest classes")[2]


@pytest.mark.parametrize("model", ["mlp", "resnet-block", "plain.py:Net --input-shape 2,4"])
def test_another_dtype_computes_in_it(cli, plain, model):
    exact = document(cli(f"run {model} --device cpu --dtype float64 --format json"))["outputs"][0]
    usual = document(cli(f"run {model} --device cpu --format json"))["outputs"][0]
    short = document(cli(f"run {model} --device cpu --dtype bfloat16 --format json --layers *"))
    assert (exact["dtype"], usual["dtype"], short["outputs"][0]["dtype"]) == ("float64", "float32", "bfloat16")
    assert {layer["dtype"] for layer in short["layers"]} == {"bfloat16"}
    assert exact["mean"] != usual["mean"] == pytest.approx(exact["mean"], rel=1e-4, abs=1e-6)
    assert short["outputs"][0]["mean"] == pytest.approx(exact["mean"], rel=0.1, abs=0.02)


def test_arithmetic_is_as_asked(cli, plain):
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    try:
        assert cli("run my-dense --device cpu --threads 1 --precision high").code == 0
        assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == (1, "high")
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


def test_auto_says_which_device_it_took(cli, plain):
    done = cli("run my-dense")
    assert done.err == f"running on {'cuda:0' if torch.cuda.is_available() else 'cpu'}\n"


def test_compiled_it_gives_the_same(cli, plain, recwarn):
    usual = document(cli("run mlp --device cpu --format json"))["outputs"][0]
    compiled = document(cli("run mlp --device cpu --compile --format json"))["outputs"][0]
    assert compiled["mean"] == pytest.approx(usual["mean"], rel=1e-5)
    assert not [str(warning.message) for warning in recwarn if "Dynamo" in str(warning.message)]


def test_what_is_compiled_has_no_layers_that_are_heard(cli, plain):
    done = cli("run plain.py:net --input-shape 2,4 --device cpu --compile --layers *")
    sentence = "error: --compile makes one graph of all layers, so that --layers has none to show\n"
    assert (done.code, done.out, done.err) == (2, "", sentence)
    command = "run plain.py:infinite --input-shape 1,4 --device cpu --check"
    for option in ("--compile", "--fuse"):
        done = cli(f"{command} {option}")
        assert (done.code, done.err.splitlines()[-1]) == (1, "not finite, first in the one graph it runs as")
    assert cli("compare plain.py:net plain.py:net --input-shape 2,4 --device cpu --compile").code == 0


BLOCK = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    def forward(self, x):
        assert x.is_contiguous() == (not x.is_contiguous(memory_format=CHANNELS_LAST)) and self.conv.weight.is_contiguous(
            memory_format=CHANNELS_LAST) == x.is_contiguous(memory_format=CHANNELS_LAST)
        print("last" if x.is_contiguous(memory_format=CHANNELS_LAST) else "first")
        return self.act(self.norm(self.conv(x)))

class Deciding(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x

from torch import channels_last as CHANNELS_LAST
"""


def test_fused_it_gives_the_same_and_says_what_was_folded(cli, plain):
    (plain / "block.py").write_text(BLOCK)
    for model in ("resnet-block", "block.py:Net --input-shape 2,2,6,6"):
        usual = cli(f"run {model} --device cpu --output usual.npy --force")
        fused = cli(f"run {model} --device cpu --fuse --output fused.npy --force")
        assert (usual.code, fused.code) == (0, 0)
        assert cli(f"compare {model} --device cpu --fuse --with float64").code == 0
        np.testing.assert_allclose(np.load("fused.npy"), np.load("usual.npy"), rtol=1e-5, atol=1e-6)
    assert fused.err.splitlines()[-1] == "wrote fused.npy"
    said = [line for line in fused.err.splitlines() if "folded" in line]
    assert said[0] == "1 of 1 batch normalizations folded, 1 activations and 0 sums fused"


def test_channels_last_is_how_a_module_holds_images(cli, plain):
    (plain / "block.py").write_text(BLOCK)
    command = "run block.py:Net --input-shape 2,2,6,6 --device cpu --format json"
    assert cli(command).err.startswith("first")
    assert cli(f"{command} --channels-last").err.startswith("last")


def test_what_does_not_go_with_fuse_is_said(cli, plain):
    (plain / "block.py").write_text(BLOCK)
    done = cli("profile resnet-block --fuse --device cpu")
    sentence = "error: --fuse makes one graph of all layers, so that profile has none to show\n"
    assert (done.code, done.err) == (2, sentence)
    done = cli("run block.py:Deciding --input-shape 2,3 --fuse --device cpu")
    assert (done.code, done.err) == (
        2,
        "error: block.py:Deciding cannot be fused: its computation depends on values of its input, and a graph knows only "
        "their shapes\n",
    )


def test_fused_streams_in_batches_of_any_size(cli, plain):
    np.save("x.npy", np.random.default_rng(0).standard_normal((7, 784)).astype("float32"))
    assert cli("run mlp --input x.npy --device cpu --fuse --batch-size 3 --output y.npy --format json").code == 0
    assert cli("run mlp --input x.npy --device cpu --output z.npy --format json").code == 0
    np.testing.assert_allclose(np.load("y.npy"), np.load("z.npy"), rtol=1e-5, atol=1e-6)


SMALL_TABLES = {
    "small.py:Net": (
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.words, self.kinds = nn.Embedding(50, 4), nn.Embedding(2, 4)\n"
        "    def forward(self, words, kinds):\n"
        "        return self.words(words) + self.kinds(kinds.flatten().long()).view(2, 9, 4)\n"
    ),
    "small.py:build": (
        "def build():\n    words, kinds = Input((9,), dtype='int32'), Input((9,), dtype='int32', name='kinds')\n"
        "    rows = layers.Embedding(50, 4)(words) + layers.Embedding(2, 4)(kinds)\n"
        "    return Model([words, kinds], rows)\n"
    ),
}


@pytest.mark.parametrize("model", SMALL_TABLES)
def test_indices_of_a_small_table_are_drawn_within_it(cli, tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    imports = "from torch import nn\nfrom layercli import Input, Model, layers\n"
    (tmp_path / "small.py").write_text(imports + SMALL_TABLES[model])
    shapes = "--input-shape 2,9:int32 --input-shape 2,9:int32"
    assert document(cli(f"run {model} --device cpu {shapes} --format json"))["outputs"][0]["shape"] == [2, 9, 4]
    assert "IndexError: index out of range" in (
        err := cli(f"run {model} --device cpu {shapes} --range kinds=2,9").err
    ) or ("(Embedding) expects indices from 0 to 1, got" in err)
