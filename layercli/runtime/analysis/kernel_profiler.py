"""Kernels and memory of a run from torch's profiler, each assigned to its layer, and the whole trace."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, record_function
from torch.profiler import profile as torch_profile

from layercli.core.types import JSONObject, TensorTree
from layercli.dataclass import dataclass
from layercli.formats.atomic import staged
from layercli.runtime.execution.forward_hooks import forward_pre_and_post_hooks
from layercli.runtime.execution.preserve_buffers import preserve_buffers
from layercli.runtime.inference.prepared_model import PreparedModel

os.environ.setdefault(
    "KINETO_LOG_LEVEL", "6"
)  # read when the profiler first runs; without it the profiler prints each start and stop to stderr

RUNS = 3
MOST = 10
"""The number of kernels reported."""


@dataclass(frozen=True)
class Kernel:
    """One kernel (on a CPU: one torch operation) in one layer, over all its calls. ``layer`` may be empty.

    ``share`` is its fraction of the time of all kernels.
    """

    name: str
    layer: str
    calls: int
    seconds: float
    share: float

    def to_json(self) -> JSONObject:
        """Return the kernel as JSON data."""
        return asdict(self)


def seen(program: PreparedModel, placed: object) -> tuple[list[Kernel], dict[str, int]]:
    """Return the slowest kernels, and the bytes each layer allocated, including its sublayers.

    The figures are those of the run with the least kernel time out of a few runs.
    """
    paths = {path for path, _ in program.layers()}
    runs = [_look(program, placed, paths) for _ in range(RUNS)]
    seconds, calls, allocated = min(runs, key=lambda run: run[0].total())
    total = seconds.total()
    longest = [
        Kernel(name, layer, calls[name, layer], spent, spent / total)
        for (name, layer), spent in seconds.most_common(MOST)
        if spent
    ]
    return longest, allocated


def _look(program: PreparedModel, placed: object, paths: set[str]) -> tuple[Counter[Any], Counter[Any], Counter[str]]:
    """Return the seconds and calls of each kernel by layer, and the bytes each layer allocated, of one run."""
    with _profiling(program, memory=True) as found:
        program.call(placed)
    seconds: Counter[Any] = Counter()
    calls: Counter[Any] = Counter()
    allocated: Counter[str] = Counter()
    for event in found.events() or ():  # type: ignore[no-untyped-call]  # torch does not annotate it
        if event.name in paths:
            continue
        within = _layers_around(event, paths)
        for name, microseconds in _work(event, program.device):
            seconds[name, within[0] if within else ""] += microseconds / 1e6  # type: ignore[assignment]  # it adds floats too
            calls[name, within[0] if within else ""] += 1
        for path in set(within):
            allocated[path] += max(_own_memory(event, program.device), 0)
    return seconds, calls, allocated


def _layers_around(event: Any, paths: set[str]) -> list[str]:
    """Return the layers that enclose an event, innermost first."""
    around = []
    while (event := event.cpu_parent) is not None:
        if event.name in paths:
            around.append(event.name)
    return around


def _work(event: Any, device: torch.device) -> list[tuple[str, float]]:
    """Return the kernels an event launched (on a CPU: the event without its children), with microseconds."""
    if device.type == "cuda":
        return [(kernel.name, kernel.duration) for kernel in event.kernels]
    return [(event.name, event.self_cpu_time_total)]


def _own_memory(event: Any, device: torch.device) -> int:
    return int(event.self_device_memory_usage if device.type == "cuda" else event.self_cpu_memory_usage)


def trace(program: PreparedModel, inputs: TensorTree, path: str | os.PathLike[str]) -> None:
    """Write a trace of one run, after one warm-up run, as JSON for Perfetto: layers, torch calls and kernels."""
    placed = program.place(inputs)
    with preserve_buffers(program), torch.inference_mode():
        program.call(placed)
        with _profiling(program) as found:
            program.call(placed)
    with staged(path) as temporary:
        found.export_chrome_trace(str(temporary))
        check_whole(temporary)


def check_whole(file: Path) -> None:
    """Raise OSError if the trace file is incomplete; torch does not report this."""
    with open(file, "r+b") as stream:
        stream.seek(max(os.fstat(stream.fileno()).st_size - 2, 0))
        if stream.read().strip().endswith(b"}"):
            return
        stream.write(bytes(os.statvfs(file).f_frsize))  # raises OSError with the reason that torch did not report
        stream.flush()
        os.fsync(stream.fileno())
    raise OSError("torch did not write all of it")


@contextmanager
def _profiling(program: PreparedModel, *, memory: bool = False) -> Iterator[torch_profile]:
    """Profile the body; each layer call is a span named by its path."""
    ranges: list[Any] = []

    def enter(name: str) -> None:
        ranges.append(record_function(name))
        ranges[-1].__enter__()

    def leave(_: object) -> None:
        ranges.pop().__exit__(None, None, None)

    activities = [ProfilerActivity.CPU]
    if program.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with (
        forward_pre_and_post_hooks(program, enter, leave),
        torch_profile(activities=activities, profile_memory=memory) as found,
    ):
        yield found
