"""Torch modules made without their parameters being allocated."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import py_compile
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.runtime.analysis.fake_tensors import FakeTensor
from layercli.runtime.analysis.missing_values import chain, raised_in_torch
from layercli.runtime.analysis.module_building import built_without_values
from layercli.runtime.analysis.module_summary import summarize_module

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, units: int = 4):
        super().__init__()
        rates = torch.linspace(0, 0.1, 3).tolist()
        assert torch.tensor([2.0, 3.0]).sum().item() == 5
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(units, units), nn.Dropout(rate)) for rate in rates])
        self.token = nn.Parameter(torch.zeros(1, units))
        self.scale = nn.Parameter(torch.randn(units, units).abs().clamp(min=0.1))
        self.register_buffer("places", torch.arange(units, dtype=torch.float32), persistent=False)
        self.head = nn.Linear(units, units)
        self.head.weight = self.blocks[0][0].weight
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight.data, std=0.02)
                nn.init.orthogonal_(module.weight)
                module.bias.data = torch.ones(units)
                with torch.no_grad():
                    module.bias[1:] += 1
        self.double = nn.TransformerEncoder(nn.TransformerEncoderLayer(units, 2, 8), 2)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x + self.token + self.places) @ self.scale


def build(units=4):
    return Net(units).half().to("cpu")


class Reading(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
        self.norm = self.weight.norm().item()


class Refusing(nn.Module):
    def __init__(self):
        super().__init__()
        raise ValueError("no such model")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "net.py").write_text(NET)
    yield tmp_path
    sys.modules.pop("net", None)


def test_a_summary_is_that_of_the_module_with_values(cli, folder):
    for shape in ([], ["--input-shape", "2,4"]):
        built = cli("summary", "net.py:Net", *shape, "--format", "json", "--depth", "9")
        (folder / "same.py").write_text(f"{(folder / 'net.py').read_text()}\nnet = Net()\n")
        real = cli("summary", "same.py:net", *shape, "--format", "json", "--depth", "9")
        assert built.code == real.code == 0, built.err
        built, real = json.loads(built.out), json.loads(real.out)
        assert {**built, "model": None} == {**real, "model": None}


def test_it_is_moved_and_cast(cli, folder):
    document = json.loads(cli("summary", "net.py:build", "--set", "units=6", "--format", "json").out)
    assert document["totals"]["bytes"] == 2 * document["totals"]["parameters"]


def test_values_are_there_where_they_are_asked_for(cli, folder):
    listed = json.loads(cli("vars", "net.py:Net", "head.bias", "--values", "--stats", "--format", "json").out)
    assert [row["values"] for row in listed["variables"]] == [[1, 2, 2, 2]]


def test_a_constructor_that_reads_parameters_gets_them(cli, folder):
    assert cli("summary", "net.py:Reading").code == 0
    done = cli("summary", "net.py:Refusing")
    assert (done.code, done.err.splitlines()[0]) == (
        2, "error: net.py, line 45, raises ValueError: no such model"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("input('how many? ')", "net.py, line 6, asks for input, which a model that is opened does not get"),
        (
            "__import__('sys').stdin.readline()",
            "net.py, line 6, asks for input, which a model that is opened does not get",
        ),
        ("exit()", "net.py, line 6, leaves with exit code 0"),
        ("__import__('os')._exit(0)", "net.py, line 6, leaves with exit code 0"),
        ("raise BaseException('odd')", "net.py, line 6, raises BaseException: odd"),
        ("raise GeneratorExit", "net.py, line 6, raises GeneratorExit"),
        ("import cv2.dnn", "this needs cv2, which is not installed"),
        ("raise RuntimeError('no luck')", "net.py, line 6, raises RuntimeError: no luck"),
        ("raise EOFError('no more')", "net.py, line 6, raises EOFError: no more"),  # not Ctrl-D
    ],
)
def test_a_constructor_that_does_not_end_is_one_sentence(cli, tmp_path, monkeypatch, line, sentence):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(
        f"from torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        {line}\n"
    )
    done = cli("summary", "net.py:Net", "--input-shape", "1,3")
    assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"error: {sentence}")
    assert input.__name__ == "input"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        *((command, "input()") for command in ("summary", "cost", "plot", "run", "bench --repeat 1", "profile")),
        *((command, "exit()") for command in ("summary", "run")),
        *((command, "__import__('os')._exit(0)") for command in ("cost", "run")),
        ("run", "next(iter(__import__('sys').stdin))"),
        ("cost", "int('no')"),
    ],
)
def test_a_forward_that_does_not_end_is_one_sentence(cli, tmp_path, monkeypatch, command, line):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(
        f"from torch import nn\n\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n\n"
        f"    def forward(self, x):\n        return {line}\n"
    )
    done = cli(*command.split(), "net.py:Net", "--input-shape", "1,3")
    said = {"int('no')": "invalid literal for int()", "exit()": "line 8, leaves with exit code 0"}
    said["__import__('os')._exit(0)"] = said["exit()"]
    wanted = said.get(line, "line 8, asks for input, which a model that is opened does not get")
    sentences = [text for text in done.err.splitlines() if text.startswith("error: ")]
    assert (done.code, len(sentences)) == (2, 1)
    assert wanted in sentences[0]


FAILING = """
import abc, os, threading, time
import torch
from torch import nn


class Abstract(nn.Module, abc.ABC):
    @abc.abstractmethod
    def forward(self, x): ...

    @property
    @abc.abstractmethod
    def width(self): ...


class NoForward(nn.Module):
    pass


async def later():
    return nn.Linear(3, 2)


def recurrent():
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.LSTM(3, 4)), {nn.LSTM})


class Ending(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)

    def forward(self, x):
        threading.Thread(target=os._exit, args=(0,)).start()
        time.sleep(60)
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Abstract", "net.py:Abstract is an abstract class, without forward and width"),
        ("NoForward", 'the model raises NotImplementedError: Module [NoForward] is missing the required "forward" function'),
        ("later", "net.py:later gives a coroutine, not a layercli Layer or Model, or a torch.nn.Module"),
        ("recurrent", "the model, in 0 (LSTM), raises RuntimeError: input must have 3 dimensions, got 2"),
    ],
)  # fmt: skip
def test_models_that_cannot_be_called(cli, tmp_path, monkeypatch, name, sentence):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(FAILING)
    done = cli("run", f"net.py:{name}", "--input-shape", "2,3")
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert (done.code, done.out, errors) == (2, "", [f"error: {sentence}"])


def test_a_thread_that_ends_the_process(tmp_path, monkeypatch, warm):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(FAILING)
    words = ["run", "net.py:Ending", "--input-shape", "2,3", "--device", "cpu"]
    process = warm.start(words)
    _, err = process.communicate()
    assert (process.returncode, err.splitlines()[-1]) == (2, "error: the model, in a thread, leaves with exit code 0")


def test_a_compiled_copy_of_the_file_is_neither_read_nor_left(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.delitem(sys.modules, "alone", raising=False)
    Path("alone.py").write_text("from torch import nn\n\ndef net():\n    return nn.Linear(3, 2)\n")
    assert cli("summary", "alone.py:net", "--input-shape", "1,3").code == 0
    assert os.listdir() == ["alone.py"]
    cached = Path(importlib.util.cache_from_source("alone.py"))
    py_compile.compile("alone.py", str(cached))
    os.truncate(cached, 20)  # what a full disk leaves
    assert cli("summary", "alone.py:net", "--input-shape", "1,3").code == 0


def test_no_parameter_is_allocated():
    net = built_without_values(lambda: nn.Sequential(*(nn.Linear(1 << 17, 1 << 17) for _ in range(8)), nn.LSTM(9, 9)))
    assert all(isinstance(x, FakeTensor) and isinstance(x, nn.Parameter) for x in net.parameters())
    summary = summarize_module(net[:8], {"input": Spec((2, 1 << 17))}, "", "")
    assert summary.totals.macs == 2 * 8 * (1 << 34)
    assert summary.totals.parameters == 8 * ((1 << 34) + (1 << 17))


SCHEMES = [name for name in vars(nn.init) if name.endswith("_") and not name.startswith("_")]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_scheme_of_torch_reads_values(scheme):
    """A constructor that initializes by any function of torch.nn.init is called once, without values."""
    more = {"sparse_": {"sparsity": 0.1}, "constant_": {"val": 1.0}}.get(scheme, {})
    calls = []

    def make():
        calls.append(0)
        net = nn.Conv1d(64, 64, 3) if scheme == "dirac_" else nn.Linear(64, 64)
        for weight in (net.weight, net.weight.data):
            assert getattr(nn.init, scheme)(weight, **more) is weight
        return net

    net = built_without_values(make)
    assert len(calls) == 1
    assert isinstance(net.weight, FakeTensor)


class Wide(nn.Module):
    """Construct a layer of 4 GiB, then fail as ``error`` says."""

    def __init__(self, error):
        super().__init__()
        self.wide = nn.Linear(1 << 15, 1 << 15)
        error(self.wide.weight)


def raising(weight):
    raise KeyError("full_attention")


def test_the_authors_own_error_in_a_constructor_does_not_make_it_again_with_values():
    calls = []
    with pytest.raises(KeyError, match="full_attention"):
        built_without_values(lambda: calls.append(0) or Wide(raising))
    assert len(calls) == 1


@pytest.mark.parametrize("make", [lambda weight: nn.Linear(None, 4), lambda weight: nn.LayerNorm("wide")])
def test_an_argument_that_torch_refuses_does_not_make_the_module_again_with_values(make):
    calls = []
    with pytest.raises(TypeError):
        built_without_values(lambda: calls.append(0) or Wide(make))
    assert len(calls) == 1


@pytest.mark.parametrize("read", [lambda weight: weight.norm().item(), lambda weight: weight.detach().numpy()])
def test_a_constructor_that_reads_more_values_than_fit_in_memory_is_refused(monkeypatch, read):
    monkeypatch.setattr("layercli.runtime.analysis.module_building.free_memory", lambda: 1 << 31)
    calls = []
    with pytest.raises(
        UsageError, match=r"takes at least 4\.0 GiB of memory, since .+ needs values; 2\.0 GiB are free"
    ):
        built_without_values(lambda: calls.append(0) or Wide(read))
    assert len(calls) == 1


def test_the_authors_own_error_in_a_call_does_not_run_it_again_with_values():
    def rebuilt():
        raise AssertionError("the module is made again")

    net = built_without_values(lambda: Wide(lambda weight: None))
    net.forward = lambda x: {"sizes": net.wide(x)}["widths"]
    summary = summarize_module(net, {"x": Spec((1, 1 << 15))}, "net", "", rebuilt=rebuilt)
    assert summary.failure == "net (Wide) fails on float32[1, 32768]: there is no 'widths'"


@pytest.mark.parametrize(("package", "expected"), [("torch", True), ("torchvision", False)])
def test_only_torchs_own_errors_may_come_from_missing_values(package, expected):
    program = compile("{}['a']", Path(torch.__file__).parent.with_name(package) / "models.py", "exec")
    with pytest.raises(KeyError) as raised:
        exec(program)
    assert raised_in_torch(raised.value) is expected


def test_an_error_that_comes_after_itself_is_looked_at_once():
    first, second = RuntimeError("a"), KeyError("b")
    first.__context__, second.__context__ = second, first
    assert list(chain(first)) == [first, second]


def test_generators_and_values_of_others_are_left_alone():
    torch.manual_seed(0)
    expected = torch.rand(())
    torch.manual_seed(0)
    other = nn.Linear(2, 2)
    torch.manual_seed(0)
    built_without_values(lambda: nn.Linear(2, 2))
    assert torch.equal(torch.rand(()), expected)
    assert math.isfinite(float(other.weight.sum()))


@pytest.mark.parametrize("command", ["run", "bench --repeat 1", "compare --with float64"])
def test_an_error_of_torch_names_the_module_that_raised_it(cli, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(
        "from torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.enc, self.head = nn.Sequential(nn.Linear(8, 4)), nn.Linear(5, 2)\n"
        "    def forward(self, x):\n        return self.head(self.enc(x))\n"
    )
    first, *options = command.split()
    done = cli(first, "net.py:Net", *options, "--input-shape", "1,8", "--device", "cpu")
    sentence = (
        "net.py, line 8, in head (Linear), raises RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x4 and 5x2)"
    )
    assert (done.code, done.err.splitlines()[-2]) == (2, f"error: {sentence}")
