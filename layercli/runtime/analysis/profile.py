"""Profile a run: the time of each layer, with and without its sublayers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field
from typing import Any

import torch
from torch import nn

from layercli.core import dims, tree
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.types import JSONObject, TensorTree
from layercli.dataclass import dataclass
from layercli.inspect.layer_summary import summarize
from layercli.inspect.user_input import without_input
from layercli.runtime.analysis.flop_counter import macs_of
from layercli.runtime.analysis.kernel_profiler import Kernel, seen
from layercli.runtime.analysis.latency import cost
from layercli.runtime.analysis.layer_floors import layer_floors
from layercli.runtime.analysis.roofline import timed
from layercli.runtime.execution.forward_hooks import class_of, forward_pre_and_post_hooks, tensors_in
from layercli.runtime.execution.graph_module import GraphModule
from layercli.runtime.execution.preserve_buffers import preserve_buffers
from layercli.runtime.inference.prepared_model import PreparedModel

RUNS = 5


@dataclass
class Span:
    """One call of a layer: clock marks at start and end, the bytes of its results, and the nested calls."""

    path: str
    begin: Any
    end: Any = None
    bytes: int = 0
    inner: list[Span] = field(default_factory=list)


@dataclass(frozen=True)
class LayerCost:
    """The cost of one layer over all its calls: total and own seconds, bytes of results, MACs.

    ``allocated`` are the bytes allocated while it ran, whether freed or not. ``floor`` are the least seconds by the roofline of
    the device, and ``bound`` what they are bound by, compute or memory; both None where that is not known.
    """

    path: str
    cls: str
    calls: int
    total: float
    own: float
    bytes: int
    macs: int | None
    allocated: int
    floor: float | None = None
    bound: str | None = None


@dataclass(frozen=True)
class Profile:
    """The costs of all layers in definition order, the seconds and MACs of a whole run, and the profiling overhead.

    ``kernels`` are the slowest kernels, slowest first.
    """

    costs: list[LayerCost]
    seconds: float
    macs: int | None
    overhead: float
    kernels: list[Kernel]

    def ordered(self, by: str | None) -> list[LayerCost]:
        """Return the costs sorted by ``time`` (a layer's own), ``memory`` or ``macs``, highest first; None keeps the order."""
        return self.costs if by is None else sorted(self.costs, key=ORDERS[by], reverse=True)

    def predicted(self, cost: LayerCost) -> float | None:
        """Return the share of the time each layer would take if time were proportional to MACs."""
        return cost.macs / self.macs if self.macs and cost.macs is not None else None

    def to_json(self, by: str | None = None) -> JSONObject:
        """Return the profile as JSON data, in seconds and bytes; layers as in ``ordered``."""
        rows = [
            {
                "path": c.path, "class": c.cls, "calls": c.calls, "total": c.total, "self": c.own,
                "share": c.total / self.seconds, "output_bytes": c.bytes, "allocated_bytes": c.allocated,
                "macs": c.macs, "predicted": self.predicted(c), "floor": c.floor, "bound": c.bound,
            }
            for c in self.ordered(by)
        ]  # fmt: skip
        kernels = [kernel.to_json() for kernel in self.kernels]
        return {
            "seconds": self.seconds, "macs": self.macs, "overhead": self.overhead, "layers": rows, "kernels": kernels,
        }  # fmt: skip


ORDERS: dict[str, Callable[[LayerCost], float]] = {
    "time": lambda cost: cost.own,
    "memory": lambda cost: cost.allocated,
    "macs": lambda cost: cost.macs or 0,
}
"""The keys that layers can be sorted by."""


class Clock:
    """Clock marks on a device, and the seconds between two of them."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.on_gpu = device.type == "cuda"

    def mark(self) -> object:
        """Return a mark of now; on a GPU, of the moment its queue reaches this point."""
        if not self.on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch does not annotate it
        event.record(torch.cuda.current_stream(self.device))
        return event

    def between(self, begin: Any, end: Any) -> float:
        """Return the seconds from one mark to another; the device must have passed both."""
        return float(begin.elapsed_time(end) / 1e3 if self.on_gpu else end - begin)


def profile(program: PreparedModel, inputs: TensorTree) -> Profile:
    """Return the costs of each layer in the fastest of a few runs on a tree of arrays, after one warm-up run.

    The overhead is the difference to the fastest run without profiling; both kinds alternate.
    """
    placed = program.place(inputs)
    clock = Clock(program.device)
    bare, runs = [], []
    with preserve_buffers(program), torch.inference_mode(), without_input():
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


def _spans(program: PreparedModel, placed: object, clock: Clock) -> Span:
    """Return the calls of one run, inside one span for the whole run."""
    stack = [Span("", None)]

    def enter(path: str) -> None:
        stack.append(Span(path, clock.mark()))

    def leave(outputs: object) -> None:
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
    program: PreparedModel, placed: object, found: dict[str, tuple[int, float, float, int]], allocated: dict[str, int]
) -> list[LayerCost]:
    macs, floors = macs_by_path(program, placed), layer_floors(program, placed)
    costs = []
    for path, module in program.layers():
        if path in found:
            floor = floors.get(path)
            bound = (None, None) if floor is None else (floor.seconds, floor.bound)
            costs.append(
                LayerCost(path, class_of(module), *found[path], macs.get(path), allocated.get(path, 0), *bound)
            )
    return costs


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


def macs_by_path(program: PreparedModel, placed: object) -> dict[str, int | None]:
    """Return the MACs of each layer: from the summary of a Layer, from torch's counter for a torch module."""
    model: nn.Module | Layer = program.model
    if not isinstance(model, Layer):
        counted = macs_of(model, placed, program.flags)
        above = model.held_under if isinstance(model, GraphModule) else ""
        return {} if counted is None else {path: counted.get(f"{above}{path}", 0) for path, _ in program.layers()}
    rows = summarize(model, tree.map_structure(spec_of, placed)).rows
    return {row.path: int(row.macs) if dims.known(row.macs) else None for row in rows}
