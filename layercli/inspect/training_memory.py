"""The memory of a training step: a forward pass that keeps tensors, a backward pass that frees them and makes gradients."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import field
from fnmatch import fnmatch
from functools import cached_property

from layercli.core import dtypes
from layercli.core.dims import Size
from layercli.dataclass import dataclass
from layercli.inspect.gradients import Gradients
from layercli.inspect.kernel_memory import allocated_by, backward_workspace_of, kept_workspace_of, workspace_of
from layercli.inspect.liveness import ACTIVATIONS, KEPT, Storage, Timeline, lifetimes
from layercli.inspect.model_graph import ModelGraph, ModuleCall, ValueKind
from layercli.inspect.rule_input import GivenGradient
from layercli.inspect.saved_tensors import Saved, saved_by
from layercli.inspect.training_run import Pass, Step, TrainingRun

NOT_DIFFERENTIATED = frozenset({"StopGradient"})


@dataclass(frozen=True)
class CheckpointSegment:
    """Calls from ``start`` to ``stop`` (exclusive) of which nothing is kept but what they are given: they run again."""

    start: int
    stop: int
    inputs: tuple[int, ...]


@dataclass
class TrainingStep:
    """The steps of one training step in order: ``forward[i]``, ``again[i]`` and ``backward[i]`` are those of call i."""

    graph: ModelGraph
    segments: Sequence[CheckpointSegment] = ()
    forward: dict[int, int] = field(default_factory=dict)
    again: dict[int, int] = field(default_factory=dict)
    backward: dict[int, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.graph.calls)
        for i in range(count):
            self.forward[i] = self._add(i, Pass.FORWARD)
        ends = {segment.stop - 1: segment for segment in self.segments}
        for i in reversed(range(count)):
            if i in ends:
                for j in range(ends[i].start, ends[i].stop):
                    self.again[j] = self._add(j, Pass.AGAIN)
            self.backward[i] = self._add(i, Pass.BACKWARD)

    def _add(self, i: int, of: Pass) -> int:
        call = self.graph.calls[i]
        self.steps.append(Step(of, call.module, call.operation))
        return len(self.steps) - 1

    @cached_property
    def segment_of(self) -> dict[int, CheckpointSegment]:
        """The segment that each call of one is in."""
        return {i: segment for segment in self.segments for i in range(segment.start, segment.stop)}

    def workspaces(
        self,
        saved: Mapping[int, Saved],
        wanted: Container[int],
        at: Mapping[str, int] | None,
        gradients: Mapping[int, GivenGradient],
    ) -> tuple[Size, ...]:
        """Return what kernels take beside their results in each step; what they keep of it is a storage of its own.

        ``wanted`` are the values that a gradient is computed for, ``at`` sizes that tell which kernel runs, ``gradients`` what
        the backward pass of each call begins with.
        """
        found: list[Size] = [0] * len(self.steps)
        for i, call in enumerate(self.graph.calls):
            kept = i in saved and saved[i].extra != 0
            taken = kept_workspace_of(self.graph, call, wanted, at) if kept else workspace_of(self.graph, call)
            for places in (self.forward, self.again):
                if i in places:
                    found[places[i]] = taken
            if i in gradients:
                found[self.backward[i]] = backward_workspace_of(self.graph, call, wanted, at, gradients[i])
        return tuple(found)


def training_run(
    graph: ModelGraph, checkpointed: Sequence[str] = (), at: Mapping[str, int] | None = None
) -> TrainingRun:
    """Return the memory of a training step of a model, of which the calls of modules like ``checkpointed`` run again.

    ``at`` are values of named sizes that tell which kernel runs.
    """
    wanted = wants_gradient(graph)
    segments = segments_of(graph, checkpointed)
    step = TrainingStep(graph, segments)
    saved = {
        i: saved_by(graph, call, wanted.__contains__, at)
        for i, call in enumerate(graph.calls)
        if any(index in wanted for index in call.outputs)
    }
    storages = [*activations(graph, step, saved), *extras(step, saved)]
    gradients = Gradients(graph, step.backward, wanted, freed_after(storages), len(step.steps) - 1)
    storages += gradients.storages()
    workspaces = step.workspaces(saved, wanted, at, gradients.given)
    unknown = sorted({graph.calls[i].operation for i, each in saved.items() if not each.known})
    return TrainingRun(graph, Timeline(tuple(storages), workspaces), step.steps, kept_by_call(graph, saved), unknown)


def wants_gradient(graph: ModelGraph) -> set[int]:
    """Return the values that a gradient is computed for: trainable parameters, and what is computed from them."""
    found = {i for i, value in enumerate(graph.values) if value.kind is ValueKind.PARAMETER and value.trainable}
    for call in graph.calls:
        if call.operation not in NOT_DIFFERENTIATED and found.intersection(call.inputs):
            found.update(i for i in call.outputs if dtypes.is_floating(graph.values[i].spec.dtype))
    return found


def segments_of(graph: ModelGraph, patterns: Sequence[str]) -> list[CheckpointSegment]:
    """Return the calls of the modules whose path fits one of the patterns, the outermost of those that stand in each other."""
    found: list[CheckpointSegment] = []
    for call in sorted(graph.module_calls, key=lambda each: (each.start, -each.stop)):
        inside = bool(found) and call.stop <= found[-1].stop
        if call.stop > call.start and not inside and any(fnmatch(call.module, pattern) for pattern in patterns):
            found.append(CheckpointSegment(call.start, call.stop, inputs_of(graph, call)))
    return found


def inputs_of(graph: ModelGraph, call: ModuleCall) -> tuple[int, ...]:
    """Return the values that the operations of a module call take from outside of it."""
    inside = graph.calls[call.start : call.stop]
    made = {index for each in inside for index in each.outputs}
    return tuple(dict.fromkeys(i for each in inside for i in each.inputs if i not in made))


def activations(graph: ModelGraph, step: TrainingStep, saved: Mapping[int, Saved]) -> list[Storage]:
    """Return the storages of the values: each lives as in inference, or until the backward step of the last call that keeps it.

    A value of a segment that runs again is made twice.
    """
    sizes = allocated_by(graph)
    segment_of = step.segment_of
    keepers: dict[int, list[int]] = {}
    for i, each in saved.items():
        for index in each.values:
            keepers.setdefault(graph.values[index].storage, []).append(i)
    for segment in step.segments:
        for index in segment.inputs:
            keepers.setdefault(graph.values[index].storage, []).append(segment.start)
    held = {graph.values[index].storage for _, index in graph.outputs}
    found = []
    for index, (start, stop) in lifetimes(graph).items():
        size = sizes.get(index, graph.values[index].bytes)
        own = segment_of.get(start)
        inside = [i for i in keepers.get(index, ()) if own is not None and segment_of.get(i) is own]
        outside = [i for i in keepers.get(index, ()) if i not in inside]
        last = max([step.forward[stop], *(step.backward[i] for i in outside)])
        if index in held:
            last = len(step.steps) - 1
        part = KEPT if outside else ACTIVATIONS
        found.append(Storage(index, size, step.forward[start], last, part))
        if own is not None:
            again = [step.again[min(stop, own.stop - 1)], *(step.backward[i] for i in inside)]
            found.append(Storage(index, size, step.again[start], max(again), KEPT if inside else ACTIVATIONS))
    return found


def extras(step: TrainingStep, saved: Mapping[int, Saved]) -> list[Storage]:
    """Return what kernels make for the backward pass beside values."""
    return [
        Storage(
            step.graph.calls[i].outputs[0],
            each.extra,
            step.again.get(i, step.forward[i]),
            step.backward[i],
            KEPT,
        )
        for i, each in saved.items()
        if each.extra != 0
    ]


def freed_after(storages: Sequence[Storage]) -> dict[int, Size]:
    """Return the bytes that are freed after each step."""
    found: dict[int, Size] = {}
    for each in storages:
        found[each.stop] = found.get(each.stop, 0) + each.bytes
    return found


def kept_by_call(graph: ModelGraph, saved: Mapping[int, Saved]) -> dict[int, Size]:
    """Return the bytes that each call keeps, a storage that several keep at the first of them; weights are not counted."""
    seen: set[int] = set()
    found: dict[int, Size] = {}
    for i, each in saved.items():
        total: Size = each.extra
        for index in each.values:
            storage = graph.values[index].storage
            if storage not in seen and graph.values[storage].kind in (ValueKind.ACTIVATION, ValueKind.CONSTANT):
                seen.add(storage)
                total = total + graph.values[storage].bytes
        found[i] = total
    return found
