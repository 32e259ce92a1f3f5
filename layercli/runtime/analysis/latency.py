"""Measure the latency of a prepared model, alone or alternating with another one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from layercli.core import dims, tree
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.types import JSONObject, TensorTree
from layercli.dataclass import dataclass
from layercli.inspect.benchmark_stats import RepeatedRuns, Slowdown, TimingSamples, slowdown
from layercli.inspect.layer_call import described
from layercli.inspect.user_input import without_input
from layercli.runtime.analysis import roofline
from layercli.runtime.analysis.flop_counter import macs_of
from layercli.runtime.analysis.roofline import timed
from layercli.runtime.execution.forward_hooks import tensors_in
from layercli.runtime.execution.preserve_buffers import preserve_buffers
from layercli.runtime.inference.prepared_model import PreparedModel
from layercli.runtime.inference.repeated_call import TRACED_AFTER, RepeatedCall

MODULE_COST = "unknown: a trace, by which products are counted, of this torch.nn.Module fails"
UNKNOWN_COST = "unknown: the cost of one of its layers is not known"


@dataclass(frozen=True)
class Timing:
    """The times of one model and the figures derived from them; if ``flops`` is None, ``reason`` says why."""

    name: str
    samples: TimingSamples
    items: int | None
    flops: int | None
    ceiling: float | None
    peak_memory: int
    reason: str | None = None

    @property
    def items_per_second(self) -> float | None:
        """Items of the batch per second, at the median time."""
        return None if self.items is None else self.items / self.samples.quantile(0.5)

    @property
    def flops_per_second(self) -> float | None:
        """Floating point operations per second at the median time; two for each multiply-accumulate."""
        return None if not self.flops else self.flops / self.samples.quantile(0.5)

    @property
    def share(self) -> float | None:
        """The fraction of the roofline that the model reaches."""
        achieved = self.flops_per_second
        return None if achieved is None or not self.ceiling else achieved / self.ceiling

    def to_json(self) -> JSONObject:
        """Return the figures, in seconds and bytes, and every sample."""
        return {
            "name": self.name,
            **self.samples.to_json(),
            "items_per_second": self.items_per_second,
            "flops_per_second": self.flops_per_second,
            "roofline_share": self.share,
            "peak_memory_bytes": self.peak_memory,
        }


def measure(program: PreparedModel, inputs: TensorTree, repeat: RepeatedRuns, warmup: int) -> Timing:
    """Return the times of ``program`` on a tree of arrays, after ``warmup`` runs that are not counted."""
    [timing] = in_turns([(program, inputs)], repeat, warmup)
    return timing


def compare_latency(
    ours: tuple[PreparedModel, object],
    theirs: tuple[PreparedModel, object],
    repeat: RepeatedRuns,
    warmup: int,
    at_most: float,
) -> tuple[Timing, Timing, Slowdown]:
    """Return the times of two models measured alternately (A B A B), and the ratio of the first to the second."""
    first, second = in_turns([ours, theirs], repeat, warmup)
    return first, second, slowdown(first.samples, second.samples, at_most)


def in_turns(sides: Sequence[tuple[PreparedModel, object]], repeat: RepeatedRuns, warmup: int) -> list[Timing]:
    """Return the times of models that run alternately, so that a slow phase of the machine affects all of them."""
    programs = [program for program, _ in sides]
    ready = [(program, program.place(inputs)) for program, inputs in sides]
    with preserve_buffers(*programs), torch.inference_mode(), without_input():
        if repeat.wants(TRACED_AFTER, 0.0):
            _announce_many(programs)
        runs = [(program, partial(program.call, x)) for program, x in ready]
        for _ in range(warmup):
            for _, run in runs:
                run()
        seconds = _measured(runs, repeat)
        peaks = [peak_memory(program, x, run) for (program, x), (_, run) in zip(ready, runs, strict=True)]
    sides_measured = zip(ready, seconds, peaks, strict=True)
    return [_timing(program, x, times, peak) for (program, x), times, peak in sides_measured]


def _announce_many(programs: list[PreparedModel]) -> None:
    """Let each program that traces its call after many calls do so in its second one: a warm-up run, if there are two or more."""
    for program in programs:
        if isinstance(program.call, RepeatedCall):
            program.call.announce_many()


def _measured(runs: Sequence[tuple[PreparedModel, Callable[[], Any]]], repeat: RepeatedRuns) -> list[list[float]]:
    seconds: list[list[float]] = [[] for _ in runs]
    start = time.perf_counter()
    while repeat.wants(len(seconds[0]), time.perf_counter() - start):
        for (program, run), times in zip(runs, seconds, strict=True):
            times.append(timed(run, program.device))
    return seconds


def _timing(program: PreparedModel, placed: object, seconds: list[float], peak: int) -> Timing:
    tensors = tensors_in([placed])
    sizes = {x.shape[0] for x in tensors if x.ndim}
    flops, reason = cost(program, placed)
    ceiling = None
    if flops:
        # the minimum traffic: every weight and every input once
        held = [*tensors, *program.module.parameters()]
        traffic = sum(x.numel() * x.element_size() for x in held)
        dtype = next((x.dtype for x in program.module.parameters() if x.is_floating_point()), torch.float32)
        ceiling = roofline.measure(program.device, dtype).at(flops, traffic)
    items = sizes.pop() if len(sizes) == 1 else None
    return Timing(program.name, TimingSamples(seconds), items, flops, ceiling, peak, reason)


def cost(program: PreparedModel, placed: object) -> tuple[int | None, str | None]:
    """Return the floating point operations of one run, or the reason why they are unknown.

    For a Layer: twice the MACs of its summary. For a torch module: from a trace.
    """
    if not isinstance(program.model, Layer):
        counted = macs_of(program.model, placed, program.flags)
        return (None, MODULE_COST) if counted is None else (2 * counted[""], None)
    node, _ = described(program.model, tree.map_structure(spec_of, placed))
    macs = node.macs
    return (2 * int(macs), None) if dims.known(macs) else (None, UNKNOWN_COST)


def peak_memory(program: PreparedModel, placed: object, run: Callable[[], Any]) -> int:
    """Return the peak memory in bytes: of the process on the CPU; on a GPU what the model holds and one more run adds to it."""
    if program.device.type == "cuda":
        held: dict[int, int] = {
            x.data_ptr(): x.nbytes for x in [*tensors_in([placed]), *program.module.state_dict().values()]
        }
        torch.cuda.reset_peak_memory_stats(program.device)
        before = int(torch.cuda.memory_allocated(program.device))
        run()
        return sum(held.values()) + int(torch.cuda.max_memory_allocated(program.device)) - before
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
