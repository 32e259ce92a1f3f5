"""100,000 rows through an MLP, from file to file: against a hand-written batched loop, and the growth of memory.

Both sides are whole processes that import torch, load the same weights and report the same statistics. layercli is compiled to
bytecode beforehand, like an installed package.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from benchmarks.harness import Result, process, ratio

ROWS, SIZE, ROUNDS = 100_000, 1024, 5
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}

BY_HAND = f"""
import os, numpy as np, torch
from safetensors.torch import load_file
from torch import nn
model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10)).eval()
values = load_file("w.safetensors")
names = ["hidden_layers/0/kernel", "hidden_layers/0/bias", "head/kernel", "head/bias"]
model.load_state_dict({{name: values[path].t() for name, path in zip(model.state_dict(), names)}})
x = np.load("x.npy", mmap_mode="r")
y = np.lib.format.open_memmap("hand.npy.part", "w+", "float32", (len(x), 10))
with torch.inference_mode():
    for i in range(0, len(x), {SIZE}):
        y[i : i + {SIZE}] = model(torch.from_numpy(np.array(x[i : i + {SIZE}]))).numpy()
y.flush()
print(y.min(), y.mean(), y.max(), np.isfinite(y).all())
os.replace("hand.npy.part", "hand.npy")
"""


def results() -> Iterator[Result]:
    ours = [sys.executable, "-m", "layercli", "--quiet", "run", "mlp", "--set", "hidden=512", "--device", "cpu"]
    ours += [
        "--input",
        "x.npy",
        "--output",
        "y.npy",
        "--force",
        "--weights",
        "w.safetensors",
        "--batch-size",
        str(SIZE),
    ]
    theirs = [sys.executable, "-c", BY_HAND]
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            _weights()
            small = _memory(ours, ROWS // 10)
            large = _memory(ours, ROWS)
            pairs = [(process(ours, COMPILED), process(theirs, COMPILED)) for _ in range(ROUNDS)]
        finally:
            os.chdir(before)
    mine, hand = ([run.seconds for run in side] for side in zip(*pairs, strict=True))
    shown = (f"{min(seconds):.2f} s" for seconds in (mine, hand))
    yield Result(f"{ROWS:,} rows through an MLP, whole process", "a loop by hand", *shown, ratio(mine, hand), 1.1)
    yield Result(
        "the same: peak memory", f"{ROWS // 10:,} rows", f"{large / 1e6:.0f} MB", f"{small / 1e6:.0f} MB",
        large / small, 1.1,
    )  # fmt: skip


def _weights() -> None:
    rng = np.random.default_rng(0)
    shapes = {
        "hidden_layers/0/kernel": (784, 512),
        "hidden_layers/0/bias": (512,),
        "head/kernel": (512, 10),
        "head/bias": (10,),
    }
    save_file({name: rng.standard_normal(shape, dtype="float32") for name, shape in shapes.items()}, "w.safetensors")


MEASURED = """
import sys
from layercli.cli.main import run
run(sys.argv[1:])
with open("/proc/self/status") as status:
    peak = next(line for line in status if line.startswith("VmHWM"))
open("memory", "w").write(peak.split()[1])
"""


def _memory(command: list[str], rows: int) -> int:
    """Return the peak memory of a run in bytes, including pages of mapped files."""
    target = np.lib.format.open_memmap("x.npy", "w+", "float32", (rows, 784))
    target[:] = np.random.default_rng(0).standard_normal(784, dtype="float32")
    target.flush()
    process([sys.executable, "-c", MEASURED, *command[3:]])
    return int(Path("memory").read_text()) * 1024
