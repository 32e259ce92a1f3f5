"""``layercli run --profile`` and ``--trace``."""

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
    done = cli("run net.py:Net --input-shape 2,3 --device cpu --profile --format json")
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
    assert (found["macs"], block["macs"], block["predicted"]) == (None, None, None)


def test_macs_stand_beside_the_time(cli):
    done = cli("run transformer-encoder --set blocks=1 --at T=8 --device cpu --profile --format json")
    found = json.loads(done.out)["profile"]
    summary = json.loads(cli("summary transformer-encoder --set blocks=1 --input-shape 1,8,512 --format json").out)
    by_path = {row["path"]: row["macs"] for row in summary["rows"]}
    del by_path["stack/0/attention/_dropout_layer"]  # it is not called where nothing is trained
    assert {row["path"]: row["macs"] for row in found["layers"]} == by_path
    assert found["macs"] == summary["totals"]["macs"]
    [whole] = [row for row in found["layers"] if row["path"] == "stack/0"]
    assert whole["predicted"] == 1


def test_the_table_names_every_layer(cli, folder):
    done = cli("run net.py:Net --input-shape 2,3 --device cpu --profile --format plain")
    lines = done.out.partition("Profile\n\n")[2].splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["Layer (type)", "block (Block)", "block/inner (Sleeper)"]
    assert lines[1].split()[-4:] == ["-", "-", "24", "B"]


def test_the_trace_holds_the_layers(cli, folder):
    done = cli("run net.py:Net --input-shape 2,3 --device cpu --trace trace.json")
    assert done.code == 0
    assert "wrote trace.json\n" in done.err
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    assert [event["name"] for event in events].count("block/inner") >= 2
    done = cli("run net.py:Net --input-shape 2,3 --device cpu --trace trace.json")
    assert (done.code, done.err) == (2, "error: trace.json exists already\nhint: --force writes over it\n")
