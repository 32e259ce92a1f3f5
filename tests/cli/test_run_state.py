"""``layercli run``: a model that counts or writes into its input spoils no later run; every result has a name of its own."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.file_size_limit import file_size_limit

NETS = """
import torch
from torch import nn

class Count(nn.Module):
    def __init__(self, replaces=False):
        super().__init__()
        self.register_buffer("runs", torch.zeros(1))
        self.replaces = replaces
    def forward(self, x):
        if self.replaces:
            self.runs = self.runs + 1
        else:
            self.runs += 1
        return x * self.runs

class InPlace(nn.Module):
    def forward(self, x):
        return x.mul_(2)

class Between(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Identity(), nn.Identity()
    def forward(self, x):
        return self.second(torch.log(-self.first(x).abs() - 1))

class Before(Between):
    def forward(self, x):
        return self.second(x / 0)

class Bare(nn.Module):
    def forward(self, x):
        return x * 1

class Named(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.output = nn.Linear(4, 3)
    def forward(self, x):
        return torch.softmax(self.output(x), -1)

class Same(nn.Module):
    def forward(self, x):
        return {"a": [x, 2 * x], "a_0": 3 * x, "b": {"c": 4 * x, "d": [5 * x, 6 * x]}}
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)
    np.save("x.npy", np.ones((2, 4), "float32"))


@pytest.mark.parametrize("given", ["--input x.npy", "--input-shape 2,4 --fill ones"])
@pytest.mark.parametrize("model", ["nets.py:Count", "nets.py:Count --set replaces=true", "nets.py:InPlace"])
@pytest.mark.parametrize("against", ["--with float64", "nets.py:Bare --atol 1"])
def test_a_run_spoils_no_other(cli, nets, model, given, against):
    found = {}
    for command in (
        f"run {model} {given} --record r.json --check --force",
        f"compare {model.replace(' ', f' {against} ', 1) if ' ' in model else f'{model} {against}'} {given}",
        f"bench {model} {given} --repeat 3",
        f"profile {model} {given} --trace t.json --force",
    ):
        done = cli(f"{command} --device cpu --format json")
        assert done.code == 0, done.err
        found |= json.loads(done.out)
    doubled = "InPlace" in model
    assert found["outputs"][0]["maximum"] == 1 + doubled
    assert found["comparison"]["results"][-1]["max_absolute"] == (doubled and "Bare" in against)
    assert json.loads(cli(f"run {model.split()[0]} --replay r.json --format json").out)["reproduction"]["same_inputs"]


@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("Between", "forward, between first and second"),
        ("Before", "forward, before second"),
    ],
)
def test_check_names_what_stands_between_layers(cli, nets, model, place):
    done = cli(f"run nets.py:{model} --input x.npy --device cpu --check")
    assert (done.code, done.err) == (1, f"not finite, first in {place}\n")


def test_check_names_inputs_of_a_model_without_layers(cli, nets):
    np.save("x.npy", np.full((2, 4), np.inf, "float32"))
    done = cli("run nets.py:Bare --input x.npy --device cpu --check")
    assert (done.code, done.err) == (1, "not finite, first in the inputs\n")


@pytest.mark.parametrize("file", ["all.npz", "all.safetensors"])
def test_a_layer_may_be_called_like_an_output(cli, nets, file):
    done = cli(f"run nets.py:Named --input x.npy --device cpu --layers * --output {file} --format plain")
    assert [line.split("  ")[0] for line in done.out.splitlines()[3:5]] == ["output", "(output) output"]
    compared = cli(f"compare nets.py:Named --input x.npy --device cpu --with {file} --format json")
    assert compared.code == 0, compared.err
    results = json.loads(compared.out)["comparison"]["results"]
    assert [(found["name"], found["max_absolute"]) for found in results] == [("output", 0), ("(output) output", 0)]
    assert cli(f"run nets.py:Named --input x.npy --device cpu --output {file} --force").code == 0
    compared = cli(f"compare nets.py:Named --input x.npy --device cpu --with {file} --format json")
    found = json.loads(compared.out)["comparison"]
    assert (compared.code, found["outputs_only"], found["only_here"]) == (0, True, ["output"])


def test_no_two_outputs_have_the_same_name(cli, nets):
    done = cli("run nets.py:Same --input x.npy --device cpu --output all.npz --record r.json --format json")
    names = ["a_0", "a_1", "a_0_2", "b/c", "b/d_0", "b/d_1"]
    assert [(out["name"], out["first"][0]) for out in json.loads(done.out)["outputs"]] == list(
        zip(names, range(1, 7), strict=True)
    )
    with np.load("all.npz") as found:
        assert [(name, found[name].max()) for name in found] == list(zip(names, range(1, 7), strict=True))
    with open("r.json") as stream:
        assert list(json.load(stream)["outputs"]) == names


def test_a_trace_is_whole_or_not_there(cli, nets, tmp_path):
    with file_size_limit(1000):
        done = cli("profile nets.py:Bare --input x.npy --device cpu --trace t.json")
    assert (done.code, done.out, done.err) == (
        2, "", "error: cannot write t.json: it would be larger than this system allows a file to be\n",
    )  # fmt: skip
    assert not (tmp_path / "t.json").exists()
