"""``layercli profile``."""

from __future__ import annotations

import json

import pytest

SLEEPERS = """
import time
from torch import nn

class Sleeper(nn.Module):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds
    def forward(self, x):
        time.sleep(self.seconds)
        return x

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Sleeper(0.02)
    def forward(self, x):
        time.sleep(0.01)
        return self.inner(self.inner(x))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.unused = Sleeper(1)
    def forward(self, x):
        return self.block(x)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(SLEEPERS)
    return tmp_path


def test_total_holds_what_is_inside_and_self_does_not(cli, folder):
    done = cli("profile net.py:Net --input-shape 2,3 --device cpu --format json")
    assert done.code == 0
    found = json.loads(done.out)["profile"]
    block, inner = found["layers"]
    assert [(row["path"], row["class"], row["calls"]) for row in (block, inner)] == [
        ("block", "Block", 1), ("block/inner", "Sleeper", 2),
    ]  # fmt: skip
    assert inner["total"] == inner["self"] >= 0.04
    assert block["total"] >= 0.05
    assert 0.01 <= block["self"] <= block["total"] - 0.04
    assert found["seconds"] >= block["total"]
    assert (block["output_bytes"], inner["output_bytes"]) == (24, 48)
    assert (found["macs"], block["macs"], block["predicted"]) == (0, 0, None)


def test_macs_stand_beside_the_time(cli):
    done = cli("profile transformer-encoder --set blocks=1 --at T=8 --device cpu --format json")
    found = json.loads(done.out)["profile"]
    summary = json.loads(cli("summary transformer-encoder --set blocks=1 --input-shape 1,8,512 --format json").out)
    by_path = {row["path"]: row["macs"] for row in summary["rows"]}
    del by_path["stack/0/attention/_dropout_layer"]  # it is not called where nothing is trained
    assert {row["path"]: row["macs"] for row in found["layers"]} == by_path
    assert found["macs"] == summary["totals"]["macs"]
    [whole] = [row for row in found["layers"] if row["path"] == "stack/0"]
    assert whole["predicted"] == 1
    assert 0 < sum(row["floor"] for row in found["layers"] if row["path"].count("/") == 2) < whole["floor"] * 1.01
    assert {row["bound"] for row in found["layers"]} <= {"compute", "memory"}


def test_the_table_names_every_layer(cli, folder):
    done = cli("profile net.py:Net --input-shape 2,3 --device cpu --format plain")
    lines = done.out.partition("Profile\n\n")[2].splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["Layer (type)", "block (Block)", "block/inner (Sleeper)"]
    assert lines[1].split()[-6:] == ["0", "-", "24", "B", "0", "B"]


PRODUCTS = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.act, self.head = nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Linear(4, 5)
    def forward(self, x):
        return self.head(self.act(self.conv(x)).mean((2, 3)))

class Deciding(Net):
    def forward(self, x):
        return super().forward(x) if x.sum() > -1e9 else x


class Elsewhere(Net):
    def forward(self, x):
        assert __import__("torch").is_inference_mode_enabled()
        return super().forward(x)
"""


def test_a_torch_module_has_macs_and_memory_by_layer(cli, folder):
    (folder / "net.py").write_text(PRODUCTS)
    done = cli("profile net.py:Net --input-shape 3,2,8,8 --device cpu --format json --sort macs")
    found = json.loads(done.out)["profile"]
    assert done.err.replace("warning", "").count("\n") == done.err.count(
        "warning"
    )  # torch's profiler says nothing of its own
    conv = 3 * 6 * 6 * 4 * 2 * 9
    assert [(row["path"], row["macs"]) for row in found["layers"]] == [("conv", conv), ("head", 3 * 4 * 5), ("act", 0)]
    assert found["macs"] == conv + 60
    timing = json.loads(cli("bench net.py:Net --input-shape 3,2,8,8 --device cpu --repeat 3 --format json").out)[
        "timing"
    ]
    assert timing["flops_per_second"] == pytest.approx(2 * (conv + 60) / timing["median"])
    by_path = {row["path"]: row for row in found["layers"]}
    image = 4 * 3 * 4 * 6 * 6
    assert by_path["act"]["allocated_bytes"] == by_path["act"]["output_bytes"] == image
    assert by_path["conv"]["allocated_bytes"] >= image
    kernels = {(kernel["name"], kernel["layer"]): kernel for kernel in found["kernels"]}
    assert kernels["aten::mkldnn_convolution", "conv"]["calls"] == 1
    assert ("aten::clamp_min", "act") in kernels
    assert [kernel["seconds"] for kernel in found["kernels"]] == sorted(
        (kernel["seconds"] for kernel in found["kernels"]), reverse=True
    )


def test_what_a_module_multiplies_may_not_be_known(cli, folder):
    (folder / "net.py").write_text(PRODUCTS)
    done = cli("bench net.py:Deciding --input-shape 3,2,8,8 --device cpu --repeat 3 --format plain")
    assert "Roofline:     unknown" not in done.out
    done = cli("bench net.py:Elsewhere --input-shape 3,2,8,8 --device cpu --repeat 3 --format plain")
    reason = "unknown: a trace, by which products are counted, of this torch.nn.Module fails"
    assert f"Roofline:     {reason}\n" in done.out
    done = cli("profile net.py:Elsewhere --input-shape 3,2,8,8 --device cpu --format plain")
    [conv] = [line for line in done.out.splitlines() if line.startswith("conv (Conv2d)")]
    assert conv.split()[-6:-4] == ["-", "-"]


@pytest.mark.parametrize(("by", "key"), [("time", "self"), ("memory", "allocated_bytes"), ("macs", "macs")])
def test_layers_are_sorted(cli, by, key):
    done = cli(f"profile lenet --device cpu --sort {by} --format json")
    values = [row[key] for row in json.loads(done.out)["profile"]["layers"]]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 1


def test_another_order_is_refused(cli):
    done = cli("profile lenet --sort size")
    assert done.code == 2
    assert done.err == "error: --sort is by time, memory, macs, got 'size'\nhint: did you mean time?\n"


def test_the_trace_holds_the_layers(cli, folder):
    done = cli("profile net.py:Net --input-shape 2,3 --device cpu --trace trace.json")
    assert done.code == 0
    assert "wrote trace.json\n" in done.err
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    assert [event["name"] for event in events].count("block/inner") >= 2
    done = cli("profile net.py:Net --input-shape 2,3 --device cpu --trace trace.json")
    assert (done.code, done.err) == (2, "error: trace.json exists already\nhint: --force overwrites it\n")
