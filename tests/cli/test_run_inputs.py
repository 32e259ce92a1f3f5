"""``layercli run`` on torch modules: each input under its own name and in the dtype the module computes in."""

from __future__ import annotations

import json

import numpy as np
import pytest

NETS = """
import torch
from torch import nn
from layercli import Input, Model, layers

class Two(nn.Module):
    def forward(self, left, right):
        return left - right

class Optional(nn.Module):
    def forward(self, left, right=None, other=None, *, scale=1.0):
        left = left if other is None else left - other
        return (left if right is None else left + right) * scale

class Several(nn.Module):
    def forward(self, *arrays):
        return sum(arrays)

class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 3)
    def forward(self, x):
        return self.dense(x)

class Double(Linear):
    def __init__(self):
        super().__init__()
        self.double()

class Ids(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 2)
    def forward(self, ids):
        return self.embedding(ids)

class Layer(Model):
    def call(self, x):
        return x * 1

class Difference(Model):
    def call(self, left, right):
        return left - right

class Choice(Model):
    def call(self, left, right=None, other=None):
        left = left if other is None else left - other
        return left if right is None else left + right

def functional():
    right, left = Input((4,), name="right"), Input((4,), name="left")
    return Model({"r": right, "l": left}, left - right)

class Same(nn.Module):
    def forward(self, x):
        return x * 1
"""
X = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")


@pytest.fixture
def nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)
    np.save("x.npy", X)
    np.save("y.npy", 2 * X)


def result(cli, *words):
    done = cli(f"run {' '.join(words)} --device cpu --output out.npy --force")
    assert done.code == 0, done.err
    return np.load("out.npy")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("nets.py:Two --input right=y.npy --input left=x.npy", -X),
        ("nets.py:Optional --input x.npy", X),
        ("nets.py:Optional --input x.npy --input other=y.npy", -X),
        ("nets.py:Optional --input x.npy --input scale=y.npy", 2 * X * X),
        ("nets.py:Optional --fill ones --input-shape 5,4 --input-shape 5,4", np.full((5, 4), 2)),
        ("nets.py:Optional --fill ones --input-shape left=5,4 --input-shape other=5,4", np.zeros((5, 4))),
        ("nets.py:Choice --input x.npy --input other=y.npy", -X),
        ("nets.py:Choice --fill ones --input-shape left=5,4", np.ones((5, 4))),
        ("nets.py:Choice --fill ones --input-shape 5,4 --input-shape other=5,4", np.zeros((5, 4))),
        ("nets.py:Choice --fill ones --input-shape right=5,1 --input-shape left=5,4", np.full((5, 4), 2)),
        ("nets.py:Several --input x.npy --input y.npy", 3 * X),
        ("nets.py:Several --input x.npy", X),
    ],
)
def test_an_input_goes_to_the_argument_of_its_name(cli, nets, command, expected):
    np.testing.assert_array_equal(result(cli, command), expected)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("nets.py:Two --input x.npy", "nets.py:Two takes 2 inputs (left, right), got 1: right is missing"),
        (
            "nets.py:Two --input-shape right=5,4",
            "nets.py:Two takes 2 inputs (left, right), got 1: left is missing\nhint: --arg left=VALUE, if it is no tensor",
        ),
        ("nets.py:Optional --input right=x.npy", "nets.py:Optional takes 2 inputs (left, right), got 1: left is missing"),
        ("nets.py:Choice --input-shape other=5,4", "choice takes 2 inputs (left, other), got 1: left is missing"),
        ("nets.py:Linear --input x.npy --input y.npy", "nets.py:Linear takes 1 input (x): unexpected input y.npy"),
        ("nets.py:Linear --input-shape 5,4 --input-shape 5,4", "nets.py:Linear takes 1 input (x), got 2 shapes"),
    ],
)  # fmt: skip
def test_what_lacks_or_is_too_many_is_said(cli, nets, command, message):
    done = cli(f"run {command} --device cpu")
    assert (done.code, done.out, done.err) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(("model", "name"), [("nets.py:Linear", "x"), ("nets.py:Choice", "left")])
def test_the_rows_of_a_file_are_the_size_that_at_says(cli, nets, model, name):
    run = f"run {model} --input-shape B,4 --input x.npy --device cpu"
    assert cli(f"{run} --at B={len(X)}").code == 0
    done = cli(f"{run} --at B=7")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: the input {name} is float32[{len(X)}, 4], the model takes float32[7, 4]\n"


@pytest.mark.parametrize("model", ["nets.py:Linear", "nets.py:Choice"])
@pytest.mark.parametrize("option", ["--fill ones", "--range 0,1"])
def test_a_choice_of_generated_values_is_refused_where_every_input_is_read(cli, nets, model, option):
    done = cli(f"run {model} --input x.npy {option} --device cpu")
    message = f"{option.split()[0]} applies to generated inputs, and all of these are given"
    assert (done.code, done.out, done.err) == (2, "", f"error: {message}\n")


def test_an_optional_argument_of_a_layer_is_described(cli, nets):
    given = "--input-shape 5,4 --input-shape other=5,4"
    assert "Input:          left float32[5, 4], other float32[5, 4]\n" in cli(f"summary nets.py:Choice {given}").out
    picture = cli(f"plot nets.py:Choice {given}").out
    assert [name in picture for name in ("left ", "other ", "right ")] == [True, True, False]
    for command in ("bench nets.py:Choice --repeat 1", "profile nets.py:Choice"):
        for inputs in (given, "--input x.npy --input other=y.npy"):
            assert cli(f"{command} {inputs} --device cpu").code == 0


@pytest.mark.parametrize("command", ["compare", "bench"])
def test_what_another_model_lacks_or_has_too_many_is_said(cli, nets, command):
    other = "" if command == "compare" else "--against"
    for model, given, rival, message in [
        ("Two", "--input x.npy --input y.npy", "Linear", "nets.py:Linear takes 1 input (x), got 2 (left, right)"),
        ("Linear", "--input x.npy", "Two", "nets.py:Two takes 2 inputs (left, right), got 1: right is missing"),
    ]:
        done = cli(f"{command} nets.py:{model} {other} nets.py:{rival} {given} --device cpu")
        assert (done.code, done.out, done.err) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(
    ("model", "reference"),
    [
        ("Two", "functional"), ("Two", "Difference"), ("Difference", "Two"), ("functional", "Two"),
        ("Same", "Layer"), ("Layer", "Same"), ("Two", "Two"), ("Difference", "functional"),
    ],
)  # fmt: skip
def test_models_of_two_kinds_are_given_the_same(cli, nets, model, reference):
    inputs = "--input x.npy" if "Same" in (model, reference) else "--input left=x.npy --input right=y.npy"
    done = cli(f"compare nets.py:{model} nets.py:{reference} {inputs} --device cpu --format json")
    found = json.loads(done.out)["comparison"]["results"]
    assert found[-1]["max_absolute"] == 0
    race = f"--against nets.py:{reference} --repeat 1 --warmup 0"
    assert cli(f"bench nets.py:{model} {inputs} --device cpu {race} --format json").code == 3


@pytest.mark.parametrize(("model", "dtype"), [("Linear", "float32"), ("Double", "float64"), ("Same", "float32")])
@pytest.mark.parametrize("given", ["float16", "float32", "float64"])
def test_floats_of_any_width_are_taken(cli, nets, model, dtype, given):
    np.save("wide.npy", X.astype(given))
    assert result(cli, f"nets.py:{model} --input wide.npy").dtype == dtype


def test_whole_numbers_stay_whole_unless_cast(cli, nets):
    np.save("ids.npy", np.arange(4)[None])
    np.savetxt("ids.csv", np.arange(4)[None], "%d", ",")
    for file in ("ids.npy", "ids.csv"):
        assert result(cli, f"nets.py:Ids --input {file}").shape == (1, 4, 2)
        assert result(cli, f"nets.py:Linear --input {file} --cast").shape == (1, 3)
        done = cli(f"run nets.py:Linear --input {file} --device cpu")
        assert (done.code, done.err) == (
            2,
            "error: nets.py:Linear fails on integers as x: mat1 and mat2 must have the same dtype, but got Long and "
            "Float\nhint: --cast converts integers to floats\n",
        )
