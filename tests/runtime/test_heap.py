"""Freed memory stays with a process that trains: the pages of what each step makes anew are there already."""

from __future__ import annotations

import os
import subprocess
import sys

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


def faults(**environment):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env={**os.environ, **environment}
    )
    kept, count = done.stdout.split()
    return kept == "True", int(count)


def test_a_block_made_again_costs_no_faults():
    kept, count = faults()
    assert kept
    assert count < 2048  # the pages of one block of the forty


def test_what_the_user_set_stays():
    kept, _ = faults(MALLOC_ARENA_MAX="2")
    assert not kept
