"""Differences and conversions of large files, as whole processes, against cmp on the same files; warm, in the page cache.

BENCH_GIB sets the size of a file in GiB, 1 by default; three such files are written to the folder of temporary files.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Process, Result, process
from benchmarks.summary_cli import bounded, layercli

ROUNDS = 3
WRITE = "import sys, pathlib, benchmarks.files as b; b.written(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:]))"
"""A process of its own: the peak memory of a process counts that of the one that started it."""
TENSOR = 64 << 20
"""The bytes of each tensor of a file."""


def results() -> Iterator[Result]:
    size = int(float(os.environ.get("BENCH_GIB", "1")) * 2**30)
    with tempfile.TemporaryDirectory() as folder:
        one, same, other = (Path(folder) / f"{name}.safetensors" for name in ("one", "same", "other"))
        process([sys.executable, "-c", WRITE, str(one), str(size), "0"])
        process([sys.executable, "-c", WRITE, str(same), str(size), "0"])
        process([sys.executable, "-c", WRITE, str(other), str(size), "1"])
        plain = [process(layercli("diff", str(one), str(same))) for _ in range(ROUNDS)]
        yield bounded("diff: names and shapes", statistics.median(p.seconds for p in plain), 0.3, milliseconds)
        yield bounded("diff: names and shapes, memory", max(p.memory for p in plain), 60e6, megabytes)
        for what, right, share in (("equal", same, 0.6), ("different", other, 0.3)):
            command = layercli("diff", str(one), str(right), "--values", "--format", "plain")
            ours, peers = [], []
            for _ in range(ROUNDS):
                ours.append(process(["sh", "-c", f"{shlex.join(command)} || test $? = 1"]))
                peers.append(process(["cmp", str(one), str(same)]))
            yield against_cmp(f"diff --values: {what} files", ours, peers, 1 / share)
            yield bounded(f"diff --values: {what} files, memory", max(p.memory for p in ours), 300e6, megabytes)
        done = process(layercli("convert", str(one), str(other), "--force"))
        yield bounded("convert: memory", done.memory, 300e6, megabytes)


def written(file: Path, size: int, seed: int) -> None:
    """Write a safetensors file of about ``size`` bytes of float32 values; other seeds differ in every tensor."""
    import numpy as np

    names = [f"layers.{i}.weight" for i in range(max(size // TENSOR, 1))]
    length = TENSOR // 4
    header = {
        name: {"dtype": "F32", "shape": [length // 4096, 4096], "data_offsets": [i * TENSOR, (i + 1) * TENSOR]}
        for i, name in enumerate(names)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # as the safetensors library writes it
    values = np.random.default_rng(0).standard_normal(length, dtype=np.float32)
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for i in range(len(names)):
            stream.write((values + np.float32(i + seed / 1000)).tobytes())


def against_cmp(what: str, ours: list[Process], peers: list[Process], at_most: float) -> Result:
    """Return the median of the paired ratios of time to cmp's on equal files."""
    ratio = statistics.median(a.seconds / b.seconds for a, b in zip(ours, peers, strict=True))
    seconds = [statistics.median(p.seconds for p in side) for side in (ours, peers)]
    return Result(what, "cmp on equal files", milliseconds(seconds[0]), milliseconds(seconds[1]), ratio, at_most)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"


def megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB"
