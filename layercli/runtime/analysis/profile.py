"""Where a run spends its time: every layer's, with and without the layers inside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from layercli.core import dims, tree
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.inspect.summary import summarize
from layercli.runtime.analysis.flop_counter import macs_of
from layercli.runtime.analysis.kernel_profiler import Kernel, seen
from layercli.runtime.analysis.latency import cost
from layercli.runtime.analysis.roofline import timed
from layercli.runtime.execution.forward_hooks import class_of, forward_pre_and_post_hooks, tensors_in
from layercli.runtime.execution.graph_module import GraphModule
from layercli.runtime.execution.preserve_buffers import preserve_buffers
from layercli.runtime.inference.prepared_model import PreparedModel

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
    """What one layer took, over all its calls: seconds with and without the layers inside, bytes of results, MACs.

    ``allocated`` are the bytes taken while it ran, whether they were given back or not.
    """

    path: str
    cls: str
    calls: int
    total: float
    own: float
    bytes: int
    macs: int | None
    allocated: int


@dataclass(frozen=True)
class Profile:
    """The costs of all layers in the author's order, the seconds and MACs of a whole run, and what profiling added to it.

    ``kernels`` are those that took longest, longest first.
    """

    costs: list[Cost]
    seconds: float
    macs: int | None
    overhead: float
    kernels: list[Kernel]

    def ordered(self, by: str | None) -> list[Cost]:
        """Return the costs, highest first: by ``time`` (a layer's own), ``memory`` or ``macs``; None keeps the author's order."""
        return self.costs if by is None else sorted(self.costs, key=ORDERS[by], reverse=True)

    def predicted(self, cost: Cost) -> float | None:
        """Return the share of the time that a layer would take if time followed the MACs."""
        return cost.macs / self.macs if self.macs and cost.macs is not None else None

    def to_json(self, by: str | None = None) -> dict[str, Any]:
        """Return the profile as JSON has it, in seconds and bytes, the layers as ``ordered``."""
        rows = [
            {
                "path": c.path, "class": c.cls, "calls": c.calls, "total": c.total, "self": c.own,
                "share": c.total / self.seconds, "output_bytes": c.bytes, "allocated_bytes": c.allocated,
                "macs": c.macs, "predicted": self.predicted(c),
            }
            for c in self.ordered(by)
        ]  # fmt: skip
        kernels = [kernel.to_json() for kernel in self.kernels]
        return {
            "seconds": self.seconds, "macs": self.macs, "overhead": self.overhead, "layers": rows, "kernels": kernels,
        }  # fmt: skip


ORDERS: dict[str, Callable[[Cost], float]] = {
    "time": lambda cost: cost.own,
    "memory": lambda cost: cost.allocated,
    "macs": lambda cost: cost.macs or 0,
}
"""What layers can be sorted by."""


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


def profile(program: PreparedModel, inputs: Any) -> Profile:
    """Return what every layer takes in the fastest of a few runs on a tree of arrays, after one that is not counted.

    What profiling adds is that run against the fastest of as many without it, made in turns.
    """
    placed = program.place(inputs)
    clock = Clock(program.device)
    bare, runs = [], []
    with preserve_buffers(program), torch.inference_mode():
        program.call(placed)
        for _ in range(RUNS):
            bare.append(timed(lambda: program.call(placed), program.device))
            runs.append(_spans(program, placed, clock))
        kernels, allocated = seen(program, placed)
    fastest = min(runs, key=lambda run: clock.between(run.begin, run.end))
    seconds = clock.between(fastest.begin, fastest.end)
    flops, _ = cost(program, placed)
    macs = None if flops is None else flops // 2
    costs = _costs(program, placed, _by_path(fastest, clock), allocated)
    return Profile(costs, seconds, macs, seconds / min(bare) - 1, kernels)


def _spans(program: PreparedModel, placed: Any, clock: Clock) -> Span:
    """Return the calls of one run, inside one span for the whole."""
    stack = [Span("", None)]

    def enter(path: str) -> None:
        stack.append(Span(path, clock.mark()))

    def leave(outputs: Any) -> None:
        span = stack.pop()
        span.end = clock.mark()
        span.bytes = sum(x.numel() * x.element_size() for x in tensors_in(outputs))
        stack[-1].inner.append(span)

    with forward_pre_and_post_hooks(program, enter, leave):
        [whole] = stack
        whole.begin = clock.mark()
        program.call(placed)
        whole.end = clock.mark()
    if clock.on_gpu:
        torch.cuda.synchronize(program.device)
    return whole


def _costs(
    program: PreparedModel, placed: Any, found: dict[str, tuple[int, float, float, int]], allocated: dict[str, int]
) -> list[Cost]:
    macs = macs_by_path(program, placed)
    return [
        Cost(path, class_of(module), *found[path], macs.get(path), allocated.get(path, 0))
        for path, module in program.layers()
        if path in found
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


def macs_by_path(program: PreparedModel, placed: Any) -> dict[str, int | None]:
    """Return the multiply-accumulates of every layer, as the summary has them; for a torch module, as torch counts them."""
    model: nn.Module | Layer = program.model
    if not isinstance(model, Layer):
        counted = macs_of(model, placed)
        above = model.held_under if isinstance(model, GraphModule) else ""
        return {} if counted is None else {path: counted.get(f"{above}{path}", 0) for path, _ in program.layers()}
    rows = summarize(model, tree.map_structure(spec_of, placed)).rows
    return {row.path: int(row.macs) if dims.known(row.macs) else None for row in rows}
