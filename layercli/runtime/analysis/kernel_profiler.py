"""What torch's own profiler sees of a run: the kernels and the memory, each with the layer it belongs to, and the whole trace."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, record_function
from torch.profiler import profile as torch_profile

from layercli.formats.atomic import staged
from layercli.runtime.execution.forward_hooks import forward_pre_and_post_hooks
from layercli.runtime.execution.preserve_buffers import preserve_buffers
from layercli.runtime.inference.prepared_model import PreparedModel

os.environ.setdefault(
    "KINETO_LOG_LEVEL", "6"
)  # read when the profiler first runs: else it tells stderr of each start and stop

RUNS = 3
MOST = 10
"""How many kernels are told."""


@dataclass(frozen=True)
class Kernel:
    """One kernel, or on a CPU one of torch's operations, in one layer: over all its calls there. ``layer`` may be empty.

    ``share`` is its part of the time of all kernels.
    """

    name: str
    layer: str
    calls: int
    seconds: float
    share: float

    def to_json(self) -> dict[str, Any]:
        """Return the kernel as JSON has it."""
        return asdict(self)


def seen(program: PreparedModel, placed: Any) -> tuple[list[Kernel], dict[str, int]]:
    """Return the kernels that took longest, and the bytes every layer allocated, the layers inside it included.

    Both are of the run, of a few, whose kernels took least.
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


def _look(program: PreparedModel, placed: Any, paths: set[str]) -> tuple[Counter[Any], Counter[Any], Counter[str]]:
    """Return the seconds and the calls of every kernel in each layer, and the bytes each layer allocated, of one run."""
    with _profiling(program, memory=True) as found:
        program.call(placed)
    seconds: Counter[Any] = Counter()
    calls: Counter[Any] = Counter()
    allocated: Counter[str] = Counter()
    for event in found.events() or ():  # type: ignore[no-untyped-call]  # torch's
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
    """Return the layers an event happened in, the innermost first."""
    around = []
    while (event := event.cpu_parent) is not None:
        if event.name in paths:
            around.append(event.name)
    return around


def _work(event: Any, device: torch.device) -> list[tuple[str, float]]:
    """Return the kernels an event started, or on a CPU the event itself without those inside, and microseconds of each."""
    if device.type == "cuda":
        return [(kernel.name, kernel.duration) for kernel in event.kernels]
    return [(event.name, event.self_cpu_time_total)]


def _own_memory(event: Any, device: torch.device) -> int:
    return int(event.self_device_memory_usage if device.type == "cuda" else event.self_cpu_memory_usage)


def trace(program: PreparedModel, inputs: Any, path: str | os.PathLike[str]) -> None:
    """Write the trace of one run, after one that is not traced, as JSON for Perfetto: layers, torch's calls and kernels."""
    placed = program.place(inputs)
    with preserve_buffers(program), torch.inference_mode():
        program.call(placed)
        with _profiling(program) as found:
            program.call(placed)
    with staged(path) as temporary:
        found.export_chrome_trace(str(temporary))
        check_whole(temporary)


def check_whole(file: Path) -> None:
    """Raise OSError where a trace is not written to its end, which torch says nothing of."""
    with open(file, "r+b") as stream:
        stream.seek(max(os.fstat(stream.fileno()).st_size - 2, 0))
        if stream.read().strip().endswith(b"}"):
            return
        stream.write(bytes(os.statvfs(file).f_frsize))  # which fails for the reason that torch was silent of
        stream.flush()
        os.fsync(stream.fileno())
    raise OSError("torch did not write all of it")


@contextmanager
def _profiling(program: PreparedModel, *, memory: bool = False) -> Iterator[torch_profile]:
    """Profile the body, every layer's call being a span of its path's name."""
    ranges: list[Any] = []

    def enter(name: str) -> None:
        ranges.append(record_function(name))
        ranges[-1].__enter__()

    def leave(_: Any) -> None:
        ranges.pop().__exit__(None, None, None)

    activities = [ProfilerActivity.CPU]
    if program.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with (
        forward_pre_and_post_hooks(program, enter, leave),
        torch_profile(activities=activities, profile_memory=memory) as found,
    ):
        yield found
