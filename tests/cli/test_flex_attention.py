"""flex_attention is described like the attention that it is, with masks and scores of one's own and with shared heads."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MODULE = """
from torch import nn
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

class Plain(nn.Module):
    shared = 1

    def __init__(self):
        super().__init__()
        self.q, self.kv = nn.Linear(16, 32), nn.Linear(16, 32 // self.shared)

    def forward(self, x):
        q = self.q(x).unflatten(-1, (4, 8)).transpose(1, 2)
        kv = self.kv(x).unflatten(-1, (4 // self.shared, 8)).transpose(1, 2)
        return self.attend(q, kv).transpose(1, 2).flatten(2)

    def attend(self, q, kv):
        return nn.functional.scaled_dot_product_attention(q, kv, kv, enable_gqa=self.shared > 1)

class Flex(Plain):
    def attend(self, q, kv):
        return flex_attention(q, kv, kv, enable_gqa=self.shared > 1)

class Scored(Plain):
    def attend(self, q, kv):
        return flex_attention(q, kv, kv, score_mod=lambda score, b, h, i, j: score - (i - j))

class Masked(Plain):
    def attend(self, q, kv):
        mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, q.shape[2], q.shape[2], device=q.device)
        return flex_attention(q, kv, kv, block_mask=mask)

class SharedPlain(Plain):
    shared = 2

class SharedFlex(Flex):
    shared = 2
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flex.py").write_text(MODULE)


@pytest.mark.parametrize(
    ("name", "plain", "shape"),
    [
        ("Flex", "Plain", "2,6,16"),
        ("Flex", "Plain", "B,T,16"),
        ("Scored", "Plain", "2,6,16"),
        ("Scored", "Plain", "B,T,16"),
        ("Masked", "Plain", "2,6,16"),  # a mask of blocks is made for one length
        ("SharedFlex", "SharedPlain", "B,T,16"),
    ],
)
def test_it_counts_as_scaled_dot_product_attention(cli, module, name, plain, shape):
    found = [
        json.loads(cli("summary", f"flex.py:{each}", "--input-shape", shape, "--format", "json").out)
        for each in (name, plain)
    ]
    flex, attention = found
    assert flex["totals"] == attention["totals"]
    assert flex["totals"]["macs" if "B" not in shape else "macs_formula"]
    assert flex["outputs"] == attention["outputs"]


def test_nothing_is_said_of_compiling_by_a_command_that_runs_nothing(module):
    command = [sys.executable, "-m", "layercli", "cost", "flex.py:Flex", "--input-shape", "2,6,16"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
