"""The roofline of a device: how fast it multiplies matrices and moves memory, measured in a fraction of a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

RUNS = 5
SIZES = {"cpu": (1024, 1 << 25), "cuda": (4096, 1 << 28)}
"""The side of the matrices multiplied, and the bytes copied: past every cache, yet soon done."""


@dataclass(frozen=True)
class Roofline:
    """The most floating point operations, and the most bytes of memory traffic, in a second."""

    flops: float
    bandwidth: float

    def at(self, flops: float, traffic: float) -> float:
        """Return the operations a second that work of ``flops`` and so many bytes of traffic can reach at most."""
        return min(self.flops, self.bandwidth * flops / traffic)


def measure(device: torch.device, dtype: torch.dtype) -> Roofline:
    """Return the roofline of ``device`` for matrices of ``dtype``, the best of a few runs each."""
    side, size = SIZES["cuda" if device.type == "cuda" else "cpu"]
    matrix = torch.randn(side, side, device=device).to(dtype)  # ones draw less power, and are multiplied faster
    source = torch.ones(size, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    return Roofline(
        2 * side**3 / best(lambda: matrix @ matrix, device), 2 * size / best(lambda: target.copy_(source), device)
    )


def best(run: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of the fastest run."""
    return min(timed(run, device) for _ in range(RUNS + 1))


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of one run; on a GPU between two events of its own, so that launching it does not count."""
    if device.type != "cuda":
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    with torch.cuda.device(device):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
        begin.record()
        run()
        end.record()
        end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3
