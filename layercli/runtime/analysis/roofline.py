"""Measure the roofline of a device: its matrix multiplication rate and memory bandwidth, in a fraction of a second."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from layercli.core import dtypes
from layercli.dataclass import dataclass
from layercli.inspect.devices import DeviceLimits
from layercli.runtime.execution.available_memory import free_memory

RUNS = 5
QUEUED = 8
"""The runs that a GPU is given at once."""
SIZES = {"cpu": (1024, 1 << 25), "cuda": (4096, 1 << 28)}
"""The side of the multiplied matrices and the bytes copied: larger than every cache, yet fast to run."""


@dataclass(frozen=True)
class Roofline:
    """Peak floating point operations and peak memory traffic in bytes, per second."""

    flops: float
    bandwidth: float

    def at(self, flops: float, traffic: float) -> float:
        """Return the highest rate for ``flops`` operations that move that many bytes."""
        return min(self.flops, self.bandwidth * flops / traffic)


def measure(device: torch.device, dtype: torch.dtype) -> Roofline:
    """Return the roofline of ``device`` for matrices of ``dtype``, the best of a few runs each."""
    side, size = SIZES["cuda" if device.type == "cuda" else "cpu"]
    matrix = torch.randn(side, side, device=device).to(dtype)  # ones draw less power and multiply faster
    source = torch.ones(size, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    return Roofline(
        2 * side**3 / best(lambda: matrix @ matrix, device), 2 * size / best(lambda: target.copy_(source), device)
    )


def limits_here(dtype: str) -> DeviceLimits:
    """Return the GPU of this machine, or its CPU, with the memory that is free and the measured roofline for ``dtype``."""
    name = dtype.removeprefix("mixed_")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    measured = measure(device, getattr(torch, dtypes.name_of(name)))
    memory = torch.cuda.mem_get_info()[0] if device.type == "cuda" else free_memory()
    title = torch.cuda.get_device_name() if device.type == "cuda" else "this machine"
    return DeviceLimits("here", title, memory, measured.bandwidth, {name: measured.flops}, "measured")


def best(run: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of the fastest run; a GPU is given several at once, so that it waits for no launch but the first."""
    queued = QUEUED if device.type == "cuda" else 1

    def runs() -> None:
        for _ in range(queued):
            run()

    return min(timed(runs, device) for _ in range(RUNS + 1)) / queued


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of one run; on a GPU between two events in its empty queue.

    The first launch counts, and each later one that the GPU waits for: of a small model they are most of the time.
    """
    if device.type != "cuda":
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    with torch.cuda.device(device):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch does not annotate it
        begin.record()
        run()
        end.record()
        end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3
