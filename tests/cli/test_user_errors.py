"""Mistakes in a user's own model: what is said, and that nobody else is blamed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MODELS = """
import sys
import torch
from layercli import Layer, Model, layers, ops
from layercli.core.spec import Spec


def model(function):
    class M(Model):
        def call(self, x):
            return function(self, x)
    return M


def badlayer():
    return layers.Dens(3)


badlayer_in_call = model(lambda self, x: layers.Dens(3)(x))
noop = model(lambda self, x: ops.foo(x))
lines = model(lambda self, x: int("a\\nb"))
empty = model(lambda self, x: (_ for _ in ()).throw(ValueError()))
nothing = model(lambda self, x: None)
number = model(lambda self, x: 5)
word = model(lambda self, x: layers.Dense(3)("hello"))
none = model(lambda self, x: layers.Dense(3)(None))
added = model(lambda self, x: x + "a")
joined = model(lambda self, x: ops.concatenate([]))
stacked = model(lambda self, x: ops.stack([]))
cast = model(lambda self, x: ops.cast(x, "foo"))
axis = model(lambda self, x: layers.BatchNormalization(axis=7)(x))


class Two(Model):
    def call(self, x, y, training=False):
        return x - y


class Partly(Model):
    def call(self, x):
        return {"y": x, "none": None, "z": [None, x * 2]}


class Sizes(Model):
    def call(self, x):
        return x["a"] + x["b"]

    def example_input(self):
        return {"a": Spec((None, 4)), "b": Spec((None, "T"))}
"""
SENTENCES = {
    "badlayer": "m.py, line 16, raises AttributeError: layercli.layers has no 'Dens'",
    "badlayer_in_call": "m.py, line 19, raises AttributeError: layercli.layers has no 'Dens'",
    "noop": "m.py, line 20, raises AttributeError: layercli.ops has no operation 'foo'",
    "lines": "m.py, line 21, raises ValueError: invalid literal for int() with base 10: 'a\\nb'",
    "empty": "m.py, line 22, raises ValueError",
    "word": "dense (Dense) expects a tensor, an array or nested lists of numbers, got 'hello'",
    "none": "dense (Dense) expects a tensor, an array or nested lists of numbers, got None",
    "added": "m (M) expects tensors and numbers, got 'a'",
    "joined": "m (M) expects at least one tensor, got none",
    "stacked": "m (M) expects at least one tensor, got none",
    "cast": "m (M) there is no dtype 'foo'",
    "axis": "batch_normalization (BatchNormalization) expects x with an axis 7, got 2 axes (x = float32[2, 4])",
    "nothing": "m returns None, not a tensor",
    "number": "m returns 5, not a tensor",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "m.py").write_text(MODELS)
    yield
    sys.modules.pop("m", None)


@pytest.mark.parametrize("name", SENTENCES)
def test_a_mistake_is_said_in_one_sentence(cli, folder, name):
    done = cli("summary", f"m.py:{name}", "--input-shape", "2,4")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[0] == f"error: {SENTENCES[name]}"
    assert all(line.startswith("hint: ") for line in done.err.splitlines()[1:])


def test_what_run_says_of_a_model_that_gives_nothing(cli, folder):
    done = cli("run", "m.py:nothing", "--input-shape", "2,4", "--device", "cpu")
    assert (done.code, done.out) == (2, "")
    assert (
        done.err == "error: m.py:nothing returns None, not a tensor\nhint: its call, or forward, ends with a return\n"
    )


@pytest.mark.parametrize("command", ["summary", "run"])
def test_a_call_of_several_tensors(cli, folder, command):
    device = ["--device", "cpu"] if command == "run" else []
    for shapes in (["2,4", "2,4"], ["y=2,4", "x=2,4"]):
        done = cli(command, "m.py:Two", *device, *(word for shape in shapes for word in ("--input-shape", shape)))
        assert done.code == 0, done.err
    done = cli(command, "m.py:Two", "--input-shape", "2,4", *device)
    assert (done.code, done.err) == (2, "error: two (Two) takes 2 inputs (x, y), got 1\n")


def test_a_call_of_several_tensors_names_them(cli, folder):
    done = cli("summary", "m.py:Two", "--input-shape", "2,4", "--input-shape", "2,4")
    assert "Input:          x float32[2, 4], y float32[2, 4]\n" in done.out


def test_outputs_that_are_no_tensors_are_left_out(cli, folder):
    for command in (["summary"], ["run", "--device", "cpu"]):
        done = cli(*command, "m.py:Partly", "--input-shape", "2,4", "--format", "json")
        assert done.code == 0, done.err
        assert '"name": "y"' in done.out
        assert '"name": "z_1"' in done.out
        assert '"name": "none"' not in done.out


def test_an_example_with_sizes_as_people_write_them(cli, folder):
    done = cli("summary", "m.py:Sizes")
    assert "Input:          a float32[None, 4], b float32[None, T]\n" in done.out
    assert cli("run", "m.py:Sizes", "--at", "T=4", "--device", "cpu").code == 0


NAMES = ["torch", "random", "json", "numpy", "re", "layercli", "enum", "sys", "my-net", "net"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_have_any_name(tmp_path, name):
    (tmp_path / f"{name}.py").write_text(
        "from layercli import Model\nclass Net(Model):\n    def call(self, x): return x\n"
    )
    command = ["summary", f"{name}.py:Net", "--input-shape", "2,3", "--format", "table"]
    script = Path(sys.executable).parent / "layercli"  # python -m would have the folder first on its path
    done = subprocess.run([script, *command], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_is_no_python(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wide.py").write_text("class Net: pass", encoding="utf-16")
    done = cli("summary", "wide.py:Net")
    assert (done.code, done.err) == (
        2,
        "error: wide.py is not valid Python: source code string cannot contain null bytes\n",
    )


def test_more_threads_than_torch_can_count(cli):
    done = cli("run linear-regression --threads 100000000000")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: the number of threads is at most 65,536, got 100,000,000,000\n"
