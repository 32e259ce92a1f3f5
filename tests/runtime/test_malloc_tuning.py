"""Freed memory stays with a process that trains: the pages of what each step makes anew are there already."""

from __future__ import annotations

from layercli.runtime.execution.malloc_tuning import keep_freed_memory

SCRIPT = """
import resource
import torch
from layercli.runtime.execution.malloc_tuning import keep_freed_memory
kept = keep_freed_memory()
for _ in range(5):
    held = [torch.ones(2 * 2**20) for _ in range(8)]
    del held
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    held = [torch.ones(2 * 2**20) for _ in range(8)]
    del held
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_a_block_made_again_costs_no_faults(warm):
    process = warm.start([], code=SCRIPT)
    out, err = process.communicate()
    assert err == ""
    kept, count = out.split()
    assert kept == "True"
    assert int(count) < 2048  # the pages of one block of the forty


def test_what_the_user_set_stays(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert not keep_freed_memory.__wrapped__()
