"""``layercli run``: results that are no plain arrays of real numbers, and words that cannot be meant."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, what="same"):
        super().__init__()
        torch.manual_seed(0)
        self.dense, self.what = nn.Linear(4, 3), what
    def forward(self, x):
        return getattr(self, self.what)(self.dense(x))
    def same(self, y):
        return y
    def fourier(self, y):
        return torch.fft.fft(y)
    def sparse(self, y):
        return y.relu().to_sparse()
    def meta(self, y):
        return y.to("meta")
    def nested(self, y):
        return torch.nested.nested_tensor([y[0], y[1]])
    def quantized(self, y):
        return torch.quantize_per_tensor(y, 0.1, 0, torch.qint8)
    def eighth(self, y):
        return y.to(torch.float8_e4m3fn)
    def two(self, y):
        return y, y
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)
    np.save("x.npy", np.random.default_rng(0).standard_normal((2, 4)).astype("float32"))
    return tmp_path


def run(cli, what, *more, command="run"):
    return cli(command, "nets.py:Net", "--set", f"what={what}", "--input", "x.npy", "--device", "cpu", *more)


def test_complex_values_agree_as_closely_as_their_parts(cli, nets):
    found = json.loads(run(cli, "fourier", "--with", "float64", "--format", "json", command="compare").out)[
        "comparison"
    ]
    assert found["agrees"]
    assert 0 < found["results"][-1]["max_relative"] < found["results"][-1]["allowed"] < 1e-5
    first = run(cli, "fourier", "--format", "plain").out.splitlines()[3].split()[7]
    assert len(first) < 24
    assert complex(first) == pytest.approx(np.complex64(complex(first)))


def test_sparse_values_are_shown_whole(cli, nets):
    sparse = json.loads(run(cli, "sparse", "--check", "--format", "json", "--output", "y.npy").out)
    assert sparse["outputs"][0]["shape"] == [2, 3]
    assert (np.load("y.npy") == 0).any()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("meta", "error: nets.py:Net gives a tensor on torch's meta device, which has no values\n"),
        ("nested", "error: nets.py:Net gives a nested tensor, which has no single shape\nhint: to_padded_tensor(0) gives it one\n"),
        ("quantized",
         "error: nets.py:Net gives a quantized tensor, which is not an array of numbers\nhint: dequantize() makes it one\n"),
    ],
)  # fmt: skip
def test_what_has_no_values_is_said(cli, nets, what, said):
    for more in ((), ("--check",)):
        done = run(cli, what, *more)
        assert (done.code, done.out, done.err) == (2, "", said)


def test_eight_bits_are_shown_and_not_computed_in(cli, nets):
    assert json.loads(run(cli, "eighth", "--format", "json").out)["outputs"][0]["dtype"] == "float8_e4m3fn"
    for model in ("mlp", "nets.py:Net --input-shape 2,4"):
        done = cli(f"run {model} --device cpu --dtype float8_e5m2")
        sentence = "error: torch keeps values in float8_e5m2 and computes nothing in it\nhint: --dtype bfloat16\n"
        assert (done.code, done.err) == (2, sentence)


def test_one_array_is_compared_with_the_one_output(cli, nets):
    for file in ("y.npy", "Y.NPY"):
        assert run(cli, "same", "--output", file).code == 0
        done = run(cli, "same", "--with", file, "--format", "json", command="compare")
        found = json.loads(done.out)["comparison"]
        assert [(each["name"], each["max_absolute"]) for each in found["results"]] == [("(output) output", 0)]
    done = run(cli, "two", "--with", "y.npy", command="compare")
    assert (done.code, done.err) == (
        2,
        "error: y.npy holds one array, and there are 2 outputs to compare\nhint: a .npz\n",
    )
    assert run(cli, "same", "--output", "y.csv").code == 0
    done = run(cli, "same", "--with", "y.csv", command="compare")
    assert done.err == (
        "error: results are compared with a .npy, .npz or .safetensors, and y.csv is none of them\nhint: --output y.npy\n"
    )


def test_onnx_lacks_bfloat16(cli, nets):
    done = run(cli, "same", "--dtype", "bfloat16", "--with", "onnx", command="compare")
    assert done.err == "error: onnxruntime does not compute in bfloat16, as nets.py:Net does\nhint: --dtype float32\n"


@pytest.mark.parametrize("given", ["--input x.npy", "--input-shape 2,4"])
def test_only_images_are_rescaled(cli, nets, given):
    done = cli(f"run nets.py:Net {given} --device cpu --rescale 0,1")
    assert (done.code, done.err) == (2, "error: --rescale is for images, and no input is one\nhint: --input photos/\n")


@pytest.mark.parametrize("name", ["pipe", "pipe.csv", "pipe.parquet"])
def test_a_pipe_is_standard_input(cli, nets, name):
    os.mkfifo(name)
    done = cli(f"run nets.py:Net --input {name} --device cpu")
    assert (done.code, done.err) == (
        2,
        f"error: {name} is a pipe, which is read as standard input only\nhint: cat x.npy | layercli ... -i -\n",
    )


@pytest.mark.parametrize("name", ["pipe.npz", "pipe.csv", "pipe.parquet"])
def test_data_in_a_pipe_is_never_waited_for(cli, nets, name):
    os.mkfifo(name)
    done = cli(f"fit mlp --data {name} --loss mse")
    assert (done.code, done.err) == (2, f"error: {name} is not a regular file\n")


def test_casting_drops_the_imaginary_part_without_a_word(cli, nets, recwarn):
    np.save("x.npy", np.full((1, 784), 1 + 2j, "complex64"))
    done = cli("run mlp --input x.npy --device cpu --cast")
    assert (done.code, done.err) == (0, "")
    assert not recwarn.list


def test_what_is_no_record_is_said(cli, nets):
    np.savez("x.npz", x=np.zeros(2))
    done = cli("run --replay x.npz")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: x.npz is not a record of a run")


def test_json_goes_in_by_name_and_comes_out(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets_of_json.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, batch, k):\n"
        "        return {'s': batch['x'] * k, 'd': batch['m'] - k}\n"
    )
    (tmp_path / "in.json").write_text('{"k": 2, "batch": {"x": [[1.5, "NaN"]], "m": [[4, 5]]}}')
    done = cli("run nets_of_json.py:Net -i in.json -o out.json --device cpu")
    assert done.code == 0, done.err
    assert (tmp_path / "out.json").read_text() == '{"s": [[3.0, "NaN"]], "d": [[2, 3]]}\n'
    (tmp_path / "ids.json").write_text("[[1, 2, 3, 4]]")
    done = cli("run my-dense --set num_outputs=2 --input-shape 1,4 -i ids.json -o y.jsonl --device cpu")
    assert done.code == 0, done.err
    done = cli("run nets_of_json.py:Net -i k=in.json:q --device cpu")
    assert (done.code, done.err) == (2, "error: in.json has no entry 'q'\nhint: k, batch.x, batch.m\n")


def test_text_for_an_onnx_file(cli, tmp_path, monkeypatch):
    from onnx import TensorProto, helper
    from onnx_graphs import tensor
    from onnx_graphs import written as made

    monkeypatch.chdir(tmp_path)
    node = helper.make_node("Equal", ["a", "b"], ["y"])
    made(
        "m.onnx", [node], [tensor(x, ("N",), TensorProto.STRING) for x in "ab"], [tensor("y", ("N",), TensorProto.BOOL)]
    )
    (tmp_path / "in.json").write_text('{"a": ["cat", "dog"], "b": ["cat", "cow"]}')
    done = cli("run m.onnx -i in.json --device cpu --format json")
    assert json.loads(done.out)["outputs"][0]["first"] == [True, False], done.err
    (tmp_path / "in.json").write_text('{"a": ["cat", "dog"], "b": [1, 2]}')
    assert cli("run m.onnx -i in.json --device cpu").err.startswith(
        "error: the input b holds int64, the model takes text\n"
    )
