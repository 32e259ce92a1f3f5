"""What a process is told whose environment names no group that it can join."""

from __future__ import annotations

import re

import pytest

from layercli.cli import distributed
from layercli.errors import RankError, UsageError
from layercli.runtime.distributed import process_group


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RANK", "x", "RANK of the environment is 'x', which is not a number"),
        ("RANK", "2", "RANK of the environment is 2, and WORLD_SIZE is 2"),
        ("MASTER_PORT", "abc", "MASTER_PORT of the environment is 'abc', which is not a number"),
        ("LOCAL_WORLD_SIZE", "-1", "LOCAL_WORLD_SIZE of the environment is '-1', which is not a number"),
    ],
)
def test_torchruns_variables_are_numbers(monkeypatch, name, value, said):
    for key, given in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(key, given)
    monkeypatch.setenv(name, value)
    assert distributed.number() == (2 if value == "2" else 0)
    with pytest.raises(UsageError, match=f"^{re.escape(said)}$"):
        process_group.join()


def test_a_rank_lost_while_they_connect():
    with pytest.raises(RankError), process_group.noticing():
        raise RuntimeError("Gloo connectFullMesh failed with [/pytorch/third_party/gloo/pair.cc:144] no error")
