"""``layercli vars``: order, conditions, modules, faults, and what files say of themselves."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    bad = values.copy()
    bad[0, :2] = [np.nan, np.inf]
    tensors = {
        "net.layers.10.weight": values, "net.layers.2.weight": bad, "net.layers.2.bias": np.zeros(4, np.float16),
        "head.weight": np.zeros((2, 3), np.float32), "scale": np.ones((), np.float32),
    }  # fmt: skip
    save_file(tensors, "w.safetensors", {"format": "np", "note": "a\x1b[2Jb"})
    return tmp_path


def rows_of(cli, words):
    done = cli(f"vars w.safetensors {words} --format csv")
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def names(cli, words):
    return [row["path"] for row in rows_of(cli, words)]


@pytest.mark.parametrize(("words", "expected"), [
    ("--sort size", ["net.layers.2.weight", "net.layers.10.weight", "head.weight", "net.layers.2.bias", "scale"]),
    ("--sort name", ["head.weight", "net.layers.2.bias", "net.layers.2.weight", "net.layers.10.weight", "scale"]),
    ("--sort nonfinite bias", ["net.layers.2.bias"]),
])  # fmt: skip
def test_sorted(cli, words, expected):
    assert names(cli, words) == expected


def test_where(cli):
    for given, expected in {
        "nonfinite>0": ["net.layers.2.weight"], "size>=24": ["net.layers.2.weight", "net.layers.10.weight"],
        "zeros > 3 and rank != 2": ["net.layers.2.bias"], "dtype=float16": ["net.layers.2.bias"],
    }.items():  # fmt: skip
        done = cli("vars", "w.safetensors", "--where", given, "--format", "csv")
        found = [row["path"] for row in csv.DictReader(io.StringIO(done.out))]
        assert found == expected, given


@pytest.mark.parametrize(("given", "error"), [
    ("nonfinit>0", "a variable has no 'nonfinit'"), ("size>big", "size is compared with a number, got 'big'"),
    ("dtype<float32", "dtype is a text: compare it with = or !=, not <"),
    ("__import__('os').getpid()", 'cannot read the condition "__import__(\'os\').getpid()"'),
    ("mean>nan", "mean is compared with a number, got 'nan'"),
])  # fmt: skip
def test_a_condition_that_is_none(cli, given, error):
    done = cli("vars", "w.safetensors", "--where", given)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[0] == f"error: {error}"


def test_modules_down_to_a_depth(cli):
    rows = rows_of(cli, "--depth 3 --stats --sort size")
    assert [(row["path"], row["variables"], row["parameters"]) for row in rows] == [
        ("net.layers.2", "2", "28"), ("net.layers.10", "1", "24"), ("head", "1", "6"), ("scale", "1", "1")
    ]  # fmt: skip
    values = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    held = np.concatenate([values.ravel()[2:], np.zeros(4)]).astype(np.float64)
    figures = [float(rows[0][name]) for name in ("minimum", "maximum", "mean", "std", "zeros", "nonfinite")]
    assert figures == pytest.approx([held.min(), held.max(), held.mean(), held.std(), 4, 2])
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1)
    document = json.loads(cli("vars w.safetensors --depth 1 --format json").out)
    assert [(each["path"], each["dtypes"]) for each in document["modules"]] == [
        ("head", ["float32"]), ("net", ["float16", "float32"]), ("scale", ["float32"])
    ]  # fmt: skip
    assert document["totals"]["parameters"] == 59
    done = cli("vars w.safetensors --depth 1 --values")
    assert (done.code, done.err) == (2, "error: --values is of single variables, and --depth shows modules\n")


def test_faults_in_values(cli):
    done = cli("vars w.safetensors --check --format json")
    found = json.loads(done.out)
    assert (done.code, found["sound"]) == (1, False)
    assert {(each["variable"], each["code"]) for each in found["findings"]} == {
        ("net.layers.2.weight", "nan"), ("net.layers.2.weight", "infinity"), ("head.weight", "all-zero")
    }  # fmt: skip
    assert cli("vars w.safetensors head --check").code == 0  # a warning


def metadata(cli, file):
    done = cli(f"vars {file} --metadata --format json")
    assert done.code == 0, done.err
    return json.loads(done.out)["metadata"]


def test_what_files_say_of_themselves(cli):
    assert metadata(cli, "w.safetensors") == {"format": "np", "note": "a\x1b[2Jb"}
    assert "\x1b" not in cli("vars w.safetensors --metadata").out
    state = {"state_dict": {"a": torch.ones(2)}, "epoch": 3, "optimizer_states": [{"state": {0: torch.ones(2)}}]}
    torch.save({**state, "hyper_parameters": {"lr": float("nan"), "sizes": [1, 2]}}, "l.ckpt")
    assert metadata(cli, "l.ckpt") == {
        "epoch": 3, "hyper_parameters/lr": "NaN", "hyper_parameters/sizes": [1, 2],
    }  # fmt: skip
    done = cli("vars mlp --metadata")
    assert (done.code, done.err) == (2, "error: mlp is no file, and metadata are what a file holds\n")
    done = cli("vars w.safetensors --metadata --stats")
    assert (done.code, done.err) == (2, "error: --stats has no use with --metadata\n")


def test_the_keys_of_a_gguf_and_the_properties_of_an_onnx(cli):
    gguf, onnx = pytest.importorskip("gguf"), pytest.importorskip("onnx")
    writer = gguf.GGUFWriter("m.gguf", "llama")
    writer.add_token_list(list("abcdef"))
    writer.add_float32("x", 0.5)
    writer.add_tensor("t", np.ones(4, np.float32))
    for part in ("header", "kv_data", "tensors"):
        getattr(writer, f"write_{part}_to_file")()
    writer.close()
    assert metadata(cli, "m.gguf") == {
        "general.architecture": "llama", "tokenizer.ggml.tokens": [*"abcd", "... 6 in all"], "x": 0.5
    }  # fmt: skip
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []), producer_name="me", ir_version=8)
    model.metadata_props.add(key="author", value="someone")
    onnx.save(model, "m.onnx")
    found = metadata(cli, "m.onnx")
    assert (found["producer_name"], found["ir_version"], found["author"]) == ("me", 8, "someone")


def test_a_checkpoint_that_refers_to_itself_over_and_over_is_no_note(cli):
    nested = ["x"]
    for _ in range(40):
        nested = [nested] * 40
    torch.save({"state_dict": {"a": torch.ones(2)}, "nested": nested, "epoch": 1}, "n.pt")
    assert metadata(cli, "n.pt") == {"epoch": 1}


def test_an_initializer_that_is_a_function_has_its_name(cli):
    done = cli("vars lstm --format csv")
    assert [row["initializer"] for row in csv.DictReader(io.StringIO(done.out))][2] == "unit_forget_bias"
