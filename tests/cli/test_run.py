"""``layercli run``: inputs in, outputs out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from layercli.models.basics import MLP, MyDenseLayer

from layercli.files.safetensors import save

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
    from layercli.core import naming

    naming.clear_session()
    with torch.inference_mode():
        expected = MLP()(x)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


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
