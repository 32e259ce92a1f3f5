"""Where a run spends its time: every layer's, with and without the layers inside it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, record_function
from torch.profiler import profile as torch_profile

from layercli.core import dims, tree
from layercli.core.layer import Layer
from layercli.core.op import spec_of
from layercli.files.atomic import staged
from layercli.inspect.summary import summarize
from layercli.runtime.program import Program
from layercli.runtime.recording import class_of, tensors_in
from layercli.runtime.roofline import timed
from layercli.runtime.timing import cost

RUNS = 5


@dataclass
class Span:
    """One call of a layer: marks of a clock at both ends, the bytes of its results, and the calls inside it."""

    path: str
    begin: Any
    end: Any = None
    bytes: int = 0
    inner: list[Span] = field(default_factory=list)


@dataclass(frozen=True)
class Cost:
    """What one layer took, over all its calls: seconds with and without the layers inside, bytes of results, MACs."""

    path: str
    cls: str
    calls: int
    total: float
    own: float
    bytes: int
    macs: int | None


@dataclass(frozen=True)
class Profile:
    """The costs of all layers in the author's order, the seconds and MACs of a whole run, and what profiling added to it."""

    costs: list[Cost]
    seconds: float
    macs: int | None
    overhead: float

    def predicted(self, cost: Cost) -> float | None:
        """Return the share of the time that a layer would take if time followed the MACs."""
        return cost.macs / self.macs if self.macs and cost.macs is not None else None

    def to_json(self) -> dict[str, Any]:
        """Return the profile as JSON has it, in seconds and bytes."""
        rows = [
            {
                "path": c.path, "class": c.cls, "calls": c.calls, "total": c.total, "self": c.own,
                "share": c.total / self.seconds, "output_bytes": c.bytes, "macs": c.macs, "predicted": self.predicted(c),
            }
            for c in self.costs
        ]  # fmt: skip
        return {"seconds": self.seconds, "macs": self.macs, "overhead": self.overhead, "layers": rows}


class Clock:
    """Marks on a device, and the seconds between two of them."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.on_gpu = device.type == "cuda"

    def mark(self) -> Any:
        """Return the present, on a GPU the moment its queue gets here."""
        if not self.on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch's
        event.record(torch.cuda.current_stream(self.device))
        return event

    def between(self, begin: Any, end: Any) -> float:
        """Return the seconds from one mark to another; the device must have reached both."""
        return float(begin.elapsed_time(end) / 1e3 if self.on_gpu else end - begin)


def profile(program: Program, inputs: Any) -> Profile:
    """Return what every layer takes in the fastest of a few runs on a tree of arrays, after one that is not counted.

    What profiling adds is that run against the fastest of as many without it, made in turns.
    """
    placed = program.place(inputs)
    clock = Clock(program.device)
    bare, runs = [], []
    with torch.inference_mode():
        program.call(placed)
        for _ in range(RUNS):
            bare.append(timed(lambda: program.call(placed), program.device))
            runs.append(_spans(program, placed, clock))
    fastest = min(runs, key=lambda run: clock.between(run.begin, run.end))
    seconds = clock.between(fastest.begin, fastest.end)
    flops, _ = cost(program, placed)
    macs = None if flops is None else flops // 2
    return Profile(_costs(program, placed, fastest, clock), seconds, macs, seconds / min(bare) - 1)


def _spans(program: Program, placed: Any, clock: Clock) -> Span:
    """Return the calls of one run, inside one span for the whole."""
    stack = [Span("", None)]

    def enter(path: str) -> None:
        stack.append(Span(path, clock.mark()))

    def leave(outputs: Any) -> None:
        span = stack.pop()
        span.end = clock.mark()
        span.bytes = sum(x.numel() * x.element_size() for x in tensors_in(outputs))
        stack[-1].inner.append(span)

    with surrounding(program, enter, leave):
        [whole] = stack
        whole.begin = clock.mark()
        program.call(placed)
        whole.end = clock.mark()
    if clock.on_gpu:
        torch.cuda.synchronize(program.device)
    return whole


@contextmanager
def surrounding(program: Program, enter: Callable[[str], None], leave: Callable[[Any], None]) -> Iterator[None]:
    """Call ``enter`` before and ``leave`` after every layer's call inside the body."""
    handles = []
    for path, module in program.layers():
        handles.append(module.register_forward_pre_hook(lambda *_, path=path: enter(path)))
        handles.append(module.register_forward_hook(lambda *given: leave(given[-1])))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _costs(program: Program, placed: Any, whole: Span, clock: Clock) -> list[Cost]:
    found = _by_path(whole, clock)
    macs = macs_by_path(program, placed)
    return [
        Cost(path, class_of(module), *found[path], macs.get(path)) for path, module in program.layers() if path in found
    ]


def _by_path(whole: Span, clock: Clock) -> dict[str, tuple[int, float, float, int]]:
    """Return calls, total and own seconds, and bytes of results, by path."""
    found: dict[str, tuple[int, float, float, int]] = {}
    pending = list(whole.inner)
    while pending:
        span = pending.pop()
        pending += span.inner
        total = clock.between(span.begin, span.end)
        own = total - sum(clock.between(inner.begin, inner.end) for inner in span.inner)
        before = found.get(span.path, (0, 0.0, 0.0, 0))
        found[span.path] = (before[0] + 1, before[1] + total, before[2] + own, before[3] + span.bytes)
    return found


def macs_by_path(program: Program, placed: Any) -> dict[str, int | None]:
    """Return the multiply-accumulates of every layer, as the summary has them; nothing for a torch module."""
    model: nn.Module | Layer = program.model
    if not isinstance(model, Layer):
        return {}
    rows = summarize(model, tree.map_leaves(spec_of, placed)).rows
    return {row.path: int(row.macs) if dims.known(row.macs) else None for row in rows}


def trace(program: Program, inputs: Any, path: str | os.PathLike[str]) -> None:
    """Write the trace of one run, after one that is not traced, as JSON for Perfetto: layers, torch's calls and kernels."""
    placed = program.place(inputs)
    ranges: list[Any] = []

    def enter(name: str) -> None:
        ranges.append(record_function(name))
        ranges[-1].__enter__()

    def leave(_: Any) -> None:
        ranges.pop().__exit__(None, None, None)

    activities = [ProfilerActivity.CPU]
    if program.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with torch.inference_mode():
        program.call(placed)
        with surrounding(program, enter, leave), torch_profile(activities=activities) as found:
            program.call(placed)
    with staged(path) as temporary:
        found.export_chrome_trace(str(temporary))
