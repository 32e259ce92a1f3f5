"""Summaries, as whole processes, against torchinfo on the same block in plain PyTorch."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks.harness import Process, Result, process

ROUNDS = 7

TORCHINFO = """
import torch, torchinfo
from benchmarks.torch_models import IdentityBlock
torchinfo.summary(IdentityBlock(), input_size=(1, 3, 2, 3))
"""


def layercli(*args: str) -> list[str]:
    return [sys.executable, "-m", "layercli", *args]


def results() -> Iterator[Result]:
    peer = [sys.executable, "-c", TORCHINFO]
    pairs = [(process(layercli("summary", "resnet-block")), process(peer)) for _ in range(ROUNDS)]
    yield compared("summary resnet-block: time", pairs, 1 / 8, lambda p: p.seconds, lambda v: f"{v * 1e3:.0f} ms")
    yield compared("summary resnet-block: memory", pairs, 1 / 4, lambda p: p.memory, lambda v: f"{v / 1e6:.0f} MB")
    runs = [process(layercli("summary", "decoder", "--set", "preset=405b")) for _ in range(ROUNDS)]
    yield bounded(
        "summary decoder 405b: time", statistics.median(r.seconds for r in runs), 1.0, lambda v: f"{v * 1e3:.0f} ms"
    )
    yield bounded("summary decoder 405b: memory", max(r.memory for r in runs), 100e6, lambda v: f"{v / 1e6:.0f} MB")


def compared(what: str, pairs: list[tuple[Process, Process]], at_most: float, figure, show) -> Result:
    ours, theirs = ([figure(side) for side in column] for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return Result(what, "torchinfo", show(statistics.median(ours)), show(statistics.median(theirs)), ratio, at_most)


def bounded(what: str, figure: float, bound: float, show) -> Result:
    return Result(what, "(a bound)", show(figure), show(bound), figure / bound, 1.0)
