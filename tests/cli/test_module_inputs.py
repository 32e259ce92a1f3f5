"""What torch modules take: scalars, dicts, flags, files, half precision, configs, and files without a name."""

from __future__ import annotations

import json
import runpy
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import layercli
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.runtime.analysis.module_summary import summarize_module
from layercli.runtime.execution.grouped_inputs import by_field, nested

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


class Cast(nn.Linear):
    def __init__(self):
        super().__init__(4, 3)

    def forward(self, x, dtype: torch.dtype | None = None, like=None):
        return super().forward(x).to(like or dtype)


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
class Batch:
    x: torch.Tensor
    mask: torch.Tensor
    scale: float = 2.0


class DataIn(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 3)

    def forward(self, batch: Batch):
        return Batch(self.a(batch.x) * batch.mask * batch.scale, batch.mask)


def lazy():
    return nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(2))


def quantized():
    from torch.ao.quantization import quantize_dynamic

    return quantize_dynamic(nn.Sequential(nn.Linear(4, 8)), {nn.Linear}, dtype=torch.qint8)


def quantized_cell():
    from torch.ao.quantization import quantize_dynamic

    return quantize_dynamic(nn.Sequential(nn.GRUCell(4, 8)), {nn.GRUCell}, dtype=torch.qint8)


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
    done = cli("run", *args, "--input-shape", "2,4", "--record", "configured.json")
    assert done.code == 0, done.err
    assert cli("run", "net.py:Configured", "--replay", "configured.json").code == 0
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


@pytest.mark.parametrize("annotation", ["", ": Settings", ": dict"])
def test_a_config_as_json_in_an_argument(cli, folder, annotation):
    read = 'cfg["width"], cfg["head"]["units"]' if annotation == ": dict" else "cfg.width, cfg.head.units"
    (folder / "net.py").write_text(f"{NET}\n\nclass Given(Configured):\n    def __init__(self, cfg{annotation}):\n"
                                   f"        nn.Module.__init__(self)\n        width, units = {read}\n"
                                   "        self.body, self.head = nn.Linear(4, width), nn.Linear(width, units)\n")  # fmt: skip
    args = ["net.py:Given", "--set", 'cfg={"width": 6, "head": {"units": 2}}']
    assert found(cli, *args, "--input-shape", "1,4") == (30 + 14, 24 + 12, [([1, 2], "float32")])
    assert cli("run", *args, "--input-shape", "2,4").code == 0


def test_a_module_on_the_meta_device_is_described_and_not_run(cli, folder):
    (folder / "meta.py").write_text("import torch\n\n\ndef net():\n    return torch.nn.Linear(4, 2, device='meta')\n")
    assert found(cli, "meta.py:net", "--input-shape", "1,4") == (10, 8, [([1, 2], "float32")])
    done = cli("run", "meta.py:net", "--input-shape", "1,4")
    assert (done.code, done.err.splitlines()[-1]) == (
        2, "error: meta.py:net has parameters without values (on the device meta): it cannot be run"
    )  # fmt: skip


@pytest.mark.parametrize("rows", [3, 40])
def test_a_float_input_that_chooses_rows_is_drawn_within_them(cli, folder, rows):
    (folder / "rows.py").write_text(
        "import torch\n\n\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.table = torch.nn.Embedding({rows}, 2)\n\n    def forward(self, x):\n"
        "        return self.table(x.long())\n"
    )
    for fill in ("random", "range"):
        done = cli("run", "rows.py:Net", "--input-shape", "4,5", "--fill", fill)
        assert done.code == 0, done.err


def test_a_file_without_a_name(cli, folder):
    (folder / "one.py").write_text(
        "import torch\n\n\nclass Only(torch.nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n"
    )
    assert found(cli, "one.py", "--input-shape", "1,3")[0] == 8
    done = cli("summary", "net.py")
    assert done.code == 2
    assert done.err == (
        "error: net.py holds 8 models: Timestep, DictIn, FlagIn, Cast, Anything, Routed, DataIn, Configured\n"
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
    with pytest.raises(UsageError, match=r"the input pair has entries 0, 2, and pair\.1 is missing"):
        nested({"pair.0": 1, "pair.2": 2})
    assert nested({"p.1": 1, "p.0": 0}, {"p": tuple[int, int]}) == {"p": (0, 1)}


def outputs_of_run(cli, *args):
    done = cli("run", *args, "--fill", "ones", "--format", "json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    return document["inputs"], {each["name"]: (each["shape"], each["first"]) for each in document["outputs"]}


def made_by(name):
    layercli.random.set_seed(0)
    return runpy.run_path("net.py")[name]()


def test_run_takes_structured_inputs(cli, folder):
    shapes = ["--input-shape", "x=2,4", "--input-shape", "mask=2,3"]
    given, both = ["float32[2, 4]", "float32[2, 3]"], (torch.ones(2, 4), torch.ones(2, 3))
    taken, outputs = outputs_of_run(cli, "net.py:DictIn", *shapes)
    wanted = made_by("DictIn")(dict(zip(("x", "mask"), both, strict=True))).ravel()[:5].tolist()
    assert (taken, outputs) == (given, {"output": ([2, 3], pytest.approx(wanted, rel=1e-6))})
    taken, outputs = outputs_of_run(cli, "net.py:DataIn", *shapes, "--arg", "batch.scale=3.0")
    wanted = made_by("DataIn")(SimpleNamespace(x=both[0], mask=both[1], scale=3.0)).x.ravel()[:5].tolist()
    assert (taken, set(outputs)) == (given, {"x", "mask"})
    assert outputs["x"] == ([2, 3], pytest.approx(wanted, rel=1e-6))
    done = cli("run", "net.py:DataIn", "--input-shape", "batch.x=2,4")
    assert done.err.endswith("\nerror: the input batch is a Batch of x, mask, scale: batch.mask is missing\n")
    done = cli("run", "net.py:DataIn", "--input-shape", "batch.y=2,4")
    assert done.err.endswith("\nerror: Batch has no field 'y'\nhint: its fields: x, mask, scale\n")


def test_run_takes_flags_and_records_them(cli, folder):
    args = ["net.py:FlagIn", "--input-shape", "x=2,4", "--arg", "use_head=true", "--arg", "scale=0.5"]
    _, outputs = outputs_of_run(cli, *args, "--record", "run.json")
    wanted = made_by("FlagIn")(torch.ones(2, 4), True, 0.5).ravel()[:5].tolist()
    assert outputs == {"output": ([2, 2], pytest.approx(wanted, rel=1e-6))}
    assert json.loads((folder / "run.json").read_text())["plan"]["request"]["arguments"] == [
        "use_head=true",
        "scale=0.5",
    ]
    assert cli("run", "net.py:FlagIn", "--replay", "run.json").code == 0
    assert cli("compare", *args, "--with", "float64").code == 0
    profiled = json.loads(cli("profile", *args, "--format", "json").out)
    assert [each["macs"] for each in profiled["profile"]["layers"]] == [24, 12]
    assert cli("run", "net.py:FlagIn", "--input-shape", "2,4").err == (
        "error: net.py:FlagIn takes 2 inputs (x, use_head), got 1: use_head is missing\n"
        "hint: --arg use_head=VALUE, if it is no tensor\n"
    )
    assert cli("run", "mlp", "--arg", "a=1").err == (
        "error: --arg gives an argument to the forward of a torch module in Python, and mlp is none\n"
    )


@pytest.mark.parametrize("flag", ["dtype=float16", "dtype=torch.float16", "like=torch.float16"])
def test_a_dtype_as_a_flag(cli, folder, flag):
    args = ["net.py:Cast", "--input-shape", "2,4", "--arg", flag, "--format", "json"]
    assert json.loads(cli("summary", *args).out)["outputs"] == [
        {"name": "output_0", "dtype": "float16", "shape": [2, 3]}
    ]
    assert json.loads(cli("run", *args).out)["outputs"][0]["dtype"] == "float16"
    assert "Invalid device string: 'float99'" in cli("run", *args[:4], "like=float99").err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("compare net.py:scripted --with compile", "the model is TorchScript, which torch cannot compile again"),
        ("compare net.py:scripted --with onnx", "net.py:scripted is TorchScript, which torch does not export to ONNX"),
        ("run net.py:compiled --layers 0",
         "net.py:compiled runs as one compiled graph, in which --layers has none to show"),
        ("compare net.py:quantized --with float64",
         "a quantized Linear computes in the dtype of its packed weight, not in float64"),
        ("run net.py:quantized_cell --dtype bfloat16",
         "a quantized GRUCell computes in the dtype of its packed weight, not in bfloat16"),
    ],
)  # fmt: skip
def test_what_other_kinds_of_modules_refuse(cli, folder, args, message):
    done = cli(*args.split(), "--input-shape", "2,4")
    assert (done.code, done.err.splitlines()[-1]) == (2, f"error: {message}")


def test_lazy_modules(cli, folder):
    for command in ("plot", "vars"):
        assert cli(command, "net.py:lazy", *["--input-shape", "2,4"] * (command != "vars")).code == 0
    assert (
        json.loads(cli("cost", "net.py:lazy", "--input-shape", "2,4", "--format", "json").out)["totals"]["macs"]
        == 2 * 18
    )
    assert cli("run", "net.py:lazy", "--input-shape", "2,4", "--layers", "0").code == 0


def test_compiled_modules_are_those_that_were_compiled(cli, folder):
    assert cli("plot", "net.py:compiled", "--input-shape", "input=2,4").code == 0
    assert "_orig_mod" not in cli("vars", "net.py:compiled").out


def test_fields_of_outputs():
    packed = nn.utils.rnn.pack_sequence([torch.ones(2)])
    assert list(by_field({"a": (packed,)})["a"][0]) == ["data", "batch_sizes", "sorted_indices", "unsorted_indices"]


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
