"""What torch modules take: scalars, dicts, flags, files, half precision, configs, and files without a name."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from torch import nn

from layercli.core.spec import Spec
from layercli.runtime.analysis.module_inputs import nested
from layercli.runtime.analysis.module_summary import summarize_module

NET = """
from dataclasses import dataclass, field

import torch
from torch import nn


class Timestep(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)

    def forward(self, sample, timestep):
        return self.a(sample) * timestep


class DictIn(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 3)

    def forward(self, batch):
        return self.a(batch["x"]) * batch["mask"]


class FlagIn(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

    def forward(self, x, use_head: bool, scale: float = 2.0):
        y = self.a(x) * scale
        return self.b(y) if use_head else y


class Anything(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 3)

    def forward(self, x, **others):
        return self.a(x) * (others["mask"] if others.get("masked") else 1)


class Routed(nn.Module):
    def __init__(self):
        super().__init__()
        self.few, self.many = nn.Linear(4, 1), nn.Linear(4, 9)

    def forward(self, x):
        return self.many(x) if x.sum() > 0 else self.few(x)


def half():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 6 * 6, 2)).half()


def bfloat16():
    return nn.Linear(4, 3).bfloat16()


def scripted():
    return torch.jit.script(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))


def parallel():
    return nn.DataParallel(nn.Sequential(nn.Linear(4, 8)))


def compiled():
    return torch.compile(nn.Sequential(nn.Linear(4, 8)))


@dataclass
class Head:
    units: int = 3


@dataclass
class Settings:
    width: int
    head: Head = field(default_factory=Head)


class Configured(nn.Module):
    def __init__(self, config: Settings):
        super().__init__()
        self.body, self.head = nn.Linear(4, config.width), nn.Linear(config.width, config.head.units)

    def forward(self, x):
        return self.head(self.body(x))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "net.py").write_text(NET)
    yield tmp_path
    for name in ("net", "one", "pkg", "pkg.nets", "pkg.blocks"):
        sys.modules.pop(name, None)


def found(cli, *args):
    done = cli("summary", *args, "--format", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    outputs = [(each["shape"], each["dtype"]) for each in document["outputs"]]
    return document["totals"]["parameters"], document["totals"]["macs"], outputs


@pytest.mark.parametrize("scalar", ["timestep=", "timestep=()", "timestep=:float32"])
def test_a_scalar(cli, folder, scalar):
    shapes = ["--input-shape", "sample=2,4", "--input-shape", scalar]
    assert found(cli, "net.py:Timestep", *shapes) == (20, 32, [([2, 4], "float32")])


@pytest.mark.parametrize("owner", ["", "batch."])
def test_a_dict(cli, folder, owner):
    shapes = ["--input-shape", f"{owner}x=2,4", "--input-shape", f"{owner}mask=2,1"]
    assert found(cli, "net.py:DictIn", *shapes) == (15, 24, [([2, 3], "float32")])


def test_flags(cli, folder):
    for value, macs in (("true", 2 * 18), ("false", 2 * 12)):
        assert found(cli, "net.py:FlagIn", "--input-shape", "x=2,4", "--arg", f"use_head={value}")[:2] == (23, macs)
    done = cli("summary", "net.py:FlagIn", "--input-shape", "2,4", "--arg", "use_heads=true")
    assert (done.code, done.err) == (
        2, "error: forward of net.py:FlagIn has no argument 'use_heads'\nhint: did you mean use_head?\n"
    )  # fmt: skip
    shapes = ["--input-shape", "x=2,4", "--input-shape", "mask=2,3"]
    assert found(cli, "net.py:Anything", *shapes, "--arg", "masked=true")[:2] == (15, 24)


def test_values_that_decide(cli, folder):
    np.save("x.npy", np.full((5, 4), 2, "float32"))
    assert found(cli, "net.py:Routed", "--input-shape", "5,4")[1] == 5 * 4
    assert found(cli, "net.py:Routed", "--input-shape", "5,4", "--fill", "ones")[1] == 5 * 4 * 9
    assert found(cli, "net.py:Routed", "--input", "x.npy")[1] == 5 * 4 * 9
    done = cli("summary", "resnet-block", "--fill", "ones")
    assert (done.code, done.err) == (
        2, "error: resnet-block is described by shapes alone: values are for torch modules in Python\n"
    )  # fmt: skip


def test_inputs_take_the_dtype_of_the_model(cli, folder):
    assert found(cli, "net.py:half", "--input-shape", "1,3,8,8") == (410 + 0, 4176, [([1, 2], "float16")])
    assert found(cli, "net.py:bfloat16", "--input-shape", "2,4") == (15, 24, [([2, 3], "bfloat16")])


@pytest.mark.parametrize("name", ["scripted", "parallel", "compiled"])
def test_other_kinds_of_modules(cli, folder, name):
    wanted = (58, 2 * 48, [([2, 2], "float32")]) if name == "scripted" else (40, 2 * 32, [([2, 8], "float32")])
    assert found(cli, f"net.py:{name}", "--input-shape", "2,4") == wanted
    assert found(cli, f"net.py:{name}")[0] == wanted[0]


def test_a_config(cli, folder):
    (folder / "config.json").write_text('{"width": 6, "head": {"units": 2}}')
    args = ["net.py:Configured", "--config", "config.json"]
    assert found(cli, *args, "--input-shape", "1,4") == (30 + 14, 24 + 12, [([1, 2], "float32")])
    (folder / "config.json").write_text('{"widths": 6}')
    done = cli("summary", *args)
    assert (done.code, done.err) == (
        2, "error: the config of net.py:Configured has no entry 'widths'\nhint: its entries: width, head\n"
    )  # fmt: skip
    (folder / "config.json").write_text("[1]")
    assert cli("summary", *args).err == "error: config.json holds a list, and a config is an object\n"
    assert cli("summary", "mlp", "--config", "config.json").err == (
        "error: --config is for a class or a function in Python, and mlp is none\n"
    )


def test_a_file_without_a_name(cli, folder):
    (folder / "one.py").write_text(
        "import torch\n\n\nclass Only(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n"
    )
    assert found(cli, "one.py", "--input-shape", "1,3")[0] == 8
    done = cli("summary", "net.py")
    assert done.code == 2
    assert done.err == (
        "error: net.py holds 6 models: Timestep, DictIn, FlagIn, Anything, Routed, Configured\n"
        "hint: as in net.py:Configured\n"
    )
    (folder / "none.py").write_text("x = 1\n")
    assert cli("summary", "none.py").err == "error: none.py needs the name of a model in it\nhint: as in none.py:Net\n"


def test_relative_imports(cli, folder):
    (folder / "pkg").mkdir()
    (folder / "pkg" / "__init__.py").write_text("")
    (folder / "pkg" / "blocks.py").write_text("from torch import nn\n\n\ndef block():\n    return nn.Linear(2, 2)\n")
    (folder / "pkg" / "nets.py").write_text("from .blocks import block\n\n\ndef build():\n    return block()\n")
    assert found(cli, "pkg/nets.py:build")[0] == 6


def test_entries_are_put_together():
    assert nested({"a": 1, "b.x": 2, "b.y.0": 3, "b.y.1": 4}) == {"a": 1, "b": {"x": 2, "y": [3, 4]}}


def test_a_packed_sequence():
    class Packing(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.LSTM(4, 5, batch_first=True)

        def forward(self, x):
            packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([3, 2]), batch_first=True)
            return self.rnn(packed)[0]

    summary = summarize_module(Packing(), {"x": Spec((2, 3, 4))}, "", "")
    assert [(name, spec.shape) for name, spec in summary.outputs] == [("data", (5, 5)), ("batch_sizes", (3,))]
    assert summary.totals.macs == 5 * 20 * (4 + 5)
