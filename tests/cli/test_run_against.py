"""``layercli compare``: the first layer that diverges."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from layercli.formats.safetensors import save

NETS = """
import torch
from torch import nn

class Sloppy(nn.Linear):
    def forward(self, x):
        return super().forward(x.bfloat16().to(x.dtype))

def net(middle=nn.Linear):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.Sequential(middle(16, 16), nn.ReLU()), nn.Linear(16, 3))

def sloppy():
    return net(Sloppy)

def another():
    return nn.Sequential(nn.Linear(4, 16), nn.Linear(16, 3))
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NETS)


def against(cli, reference, model="nets.py:net", *more):
    shape = ["--input-shape", "5,4"] if ":" in model else []
    model, *settings = model.split()
    other = [reference] if ":" in reference else ["--with", reference]
    done = cli("compare", model, *other, *settings, *shape, "--device", "cpu", "--format", "json", *more)
    return done, json.loads(done.out)["comparison"] if done.out else None


@pytest.mark.parametrize("reference", ["cpu", "float64", "compile", "nets.py:net"])
def test_it_agrees_with_itself(cli, nets, reference):
    done, found = against(cli, reference)
    assert (done.code, found["agrees"], found["first_to_diverge"]) == (0, True, None)
    names = ["(output) output"] if reference == "compile" else ["0", "1/0", "1/1", "1", "2", "(output) output"]
    assert [result["name"] for result in found["results"]] == names
    assert (found["results"][-1]["max_absolute"] > 0) == (reference == "float64")


@pytest.mark.parametrize(
    "model",
    ["resnet-block", "mlp", "lenet", "transformer-encoder --at T=8 --set blocks=2 --set width=32 --set heads=2"],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rounding_is_no_difference(cli, model, dtype):
    done, found = against(cli, "float64", model, "--dtype", dtype)
    assert done.code == 0, found["first_to_diverge"]
    worst = max(result["max_relative"] for result in found["results"])
    assert 0 < worst < (1e-5 if dtype == "float32" else 0.2)


@pytest.mark.parametrize(
    ("model", "reference", "first"),
    [
        ("nets.py:sloppy", "nets.py:net", "1/0"),
        ("nets.py:net", "nets.py:another", "1"),
    ],
)
def test_the_first_layer_to_diverge_is_named(cli, nets, model, reference, first):
    done, found = against(cli, reference, model)
    assert (done.code, found["first_to_diverge"]) == (1, first)
    assert done.err == f"differs from {reference}, first in {first}\n"


def test_against_results_saved_before(cli, nets):
    run = "run nets.py:net --input-shape 5,4 --device cpu --seed 7"
    assert cli(f"{run} --layers * --output saved.safetensors").code == 0
    done, found = against(cli, "saved.safetensors", "nets.py:net", "--seed", "7")
    assert (done.code, len(found["results"]), found["only_here"]) == (0, 6, [])
    assert all(result["max_absolute"] == 0 for result in found["results"])
    saved = load_file("saved.safetensors")
    saved["1/1"] = saved["1/1"] + np.float32(1e-3)
    del saved["2"]
    save("saved.safetensors", saved)
    done, found = against(cli, "saved.safetensors", "nets.py:net", "--seed", "7")
    assert (done.code, found["first_to_diverge"], found["only_here"]) == (1, "1/1", ["2"])
    assert against(cli, "saved.safetensors", "nets.py:net", "--seed", "7", "--atol", "0.002")[0].code == 0


def test_tolerances_are_as_asked(cli, nets):
    assert against(cli, "float64", "nets.py:net", "--rtol", "0")[0].code == 1
    assert against(cli, "nets.py:net", "nets.py:sloppy", "--atol", "1")[0].code == 0


def test_the_table_names_it_too(cli, nets):
    done = cli("compare nets.py:sloppy nets.py:another --input-shape 5,4 --device cpu --format plain")
    facts = done.out.partition("Difference\n")[2]
    assert "First to diverge:  1\n" in facts
    assert facts.endswith("not in nets.py:another: 1/0, 1/1, 2\n")


def test_results_of_something_else_are_no_reference(cli, nets):
    save("other.safetensors", {"kernel": np.zeros(3, "float32")})
    done, _ = against(cli, "other.safetensors")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: other.safetensorshas no result whose name occurs here\nhint: --layers saves them by path\n"
    )


NOT_FINITE = """
import torch
from torch import nn

class Log(nn.Module):
    def forward(self, x):
        return torch.log(x)

class Mask(nn.Module):
    def forward(self, x):
        return torch.where(x > 0, x, -torch.inf)

class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.mask = Mask()

    def forward(self, x):
        return torch.softmax(self.mask(x), -1)

def log():
    return nn.Sequential(nn.ReLU(), Log())
"""


def test_not_finite_on_both_sides_is_an_answer_of_its_own(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NOT_FINITE)
    done, found = against(cli, "float64", "nets.py:log", "--range=-2,-1")
    assert done.code == 1
    assert (found["agrees"], found["answer"], found["first_to_diverge"]) == (False, "not finite", None)
    assert (found["first_not_finite"], [each["finite"] for each in found["results"]]) == ("1", [True, False, False])
    assert "not finite here and in float64, first in 1: nothing to compare" in done.err
    done = cli(
        "compare", "nets.py:log", "--range=-2,-1", "--input-shape", "5,4", "--device", "cpu", "--with", "float64"
    )
    facts = [" ".join(line.split()) for line in done.out.splitlines()[-4:]]
    assert done.code == 1
    assert facts[1:] == ["Agrees: no: not finite on both sides", "First to diverge: -", "First not finite: 1"]


def test_an_infinite_mask_inside_is_no_such_answer(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(NOT_FINITE)
    done, found = against(cli, "float64", "nets.py:Masked")
    assert (done.code, found["answer"], found["first_not_finite"]) == (0, "agrees", None)
    assert [each["finite"] for each in found["results"]] == [False, True]
