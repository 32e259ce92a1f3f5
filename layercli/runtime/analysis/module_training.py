"""What a training step of a torch module costs, from a run of it on fake tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from layercli.core.dims import Size
from layercli.core.spec import Spec
from layercli.errors import UsageError
from layercli.inspect.liveness import ACTIVATIONS, GRADIENTS, KEPT, OF_ACTIVATIONS, Storage, Timeline
from layercli.inspect.training_run import TrainingRun
from layercli.runtime.analysis.missing_values import reason_of
from layercli.runtime.analysis.module_failure import failure_of
from layercli.runtime.analysis.module_graph import graph_of_trace
from layercli.runtime.analysis.module_summary import with_shapes
from layercli.runtime.analysis.module_trace import is_lazy
from layercli.runtime.analysis.training_step import TracedStep, trace_step
from layercli.runtime.execution.available_memory import free_memory


def training_run(
    module: nn.Module,
    inputs: Mapping[str, Spec],
    name: str,
    source: str,
    *,
    values: Mapping[str, Any],
    checkpointed: Sequence[str] = (),
    dtype: str | None = None,
    rebuilt: Callable[[], nn.Module] | None = None,
) -> TrainingRun:
    """Return the memory of one training step of a module; UsageError for a step that fails.

    It runs without values where that suffices, else with those of the module, or of the one that ``rebuilt`` creates.
    """
    module = with_shapes(module, inputs, values)
    found = trace_step(module, inputs, values, checkpointed, dtype)
    reason = None if found.trace.failure is None else reason_of(found.trace.failure)
    if found.trace.lacks_values and fits_thrice(module):
        created = module if rebuilt is None else with_shapes(rebuilt(), inputs, values)
        found = trace_step(created, inputs, values, checkpointed, dtype, real=True)
        found.trace.notes = [f"{reason}: it ran on the CPU with real values, which the figures may depend on"]
    if found.trace.failure is not None:
        raise UsageError(f"what training takes is not known: {failure_of(name, found.trace)}")
    graph, values_of = graph_of_trace(found.module, found.trace, inputs, name, source)
    timeline = Timeline(tuple(storages(found, values_of)), (0,) * len(found.steps))
    return TrainingRun(graph, timeline, found.steps, kept_by_call(found))


def fits_thrice(module: nn.Module) -> bool:
    """Whether there is memory for the values of a module, a copy of them, and their gradients."""
    return 3 * sum(x.numel() * x.element_size() for x in module.parameters() if not is_lazy(x)) < free_memory()


def storages(found: TracedStep, values_of: Mapping[int, int]) -> list[Storage]:
    """Return the storages that the step allocates, counted as what they are for."""
    forward = len(found.trace.operations)
    made = []
    for number, start in found.start.items():
        part = part_of(found, number, start < forward)
        made.append(Storage(values_of.get(number), found.sizes[number], start, found.stop[number], part))
    return made


def part_of(found: TracedStep, number: int, forward: bool) -> str:
    """Return what a storage is counted as."""
    if number in found.gradients:
        return GRADIENTS
    if number in found.kept or number in found.again:
        return KEPT
    return ACTIVATIONS if forward else OF_ACTIVATIONS


def kept_by_call(found: TracedStep) -> dict[int, Size]:
    """Return the bytes that autograd keeps of each call, a storage that several keep at the first of them."""
    kept: dict[int, Size] = {}
    last = len(found.trace.operations) - 1
    for number, call in found.kept.items():
        if number in found.start:
            place = min(call, last)
            kept[place] = kept.get(place, 0) + found.sizes[number]
    return kept
