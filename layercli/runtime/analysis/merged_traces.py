"""Merge two traces of a torch module, made with two primes in the place of each open size, into one with formulas."""

from __future__ import annotations

from dataclasses import replace

from layercli.core import dims
from layercli.core.dims import UNKNOWN
from layercli.core.spec import Spec
from layercli.runtime.analysis.filled_sizes import explained
from layercli.runtime.analysis.module_runs import Runs
from layercli.runtime.analysis.module_trace import Trace, TracedOperation


def merged_trace(runs: Runs) -> Trace | None:
    """Return a trace whose sizes and multiply-accumulates are formulas of the names of the open sizes.

    None where that is not the whole truth: a run failed, the runs differ in their operations or in how long a tensor lives, as
    in a loop over a size, or a size is not a multiple of the named ones.
    """
    if runs.failed or not runs.alike or len(runs.traces) != 2:
        return None
    first, second = runs.traces
    renamed: dict[int, int] = {}
    operations = []
    for one, other in zip(first.operations, second.operations, strict=True):
        both = [*zip((*one.inputs, *one.outputs), (*other.inputs, *other.outputs), strict=False)]
        known = all(renamed.setdefault(theirs, ours) == ours for (_, ours), (_, theirs) in both)
        merged = merged_operation(one, other, runs)
        if merged is None or not known or len(set(renamed.values())) != len(renamed):
            return None
        operations.append(merged)
    if any(second.freed.get(theirs) != first.freed.get(ours) for theirs, ours in renamed.items()):
        return None
    return replace(first, operations=operations)


def merged_operation(one: TracedOperation, other: TracedOperation, runs: Runs) -> TracedOperation | None:
    """Return an operation with formulas; None where a run has another operation there, or a size has no formula."""
    if (one.name, len(one.inputs), len(one.outputs)) != (other.name, len(other.inputs), len(other.outputs)):
        return None
    inputs, outputs = (
        [
            (spec, ours[1])
            for ours, theirs in zip(mine, others, strict=True)
            if (spec := merged_spec(ours[0], theirs[0], runs))
        ]
        for mine, others in ((one.inputs, other.inputs), (one.outputs, other.outputs))
    )
    macs = explained(int(one.macs), int(other.macs), runs.fills)
    if macs == UNKNOWN or (len(inputs), len(outputs)) != (len(one.inputs), len(one.outputs)):
        return None
    return replace(one, inputs=inputs, outputs=outputs, macs=macs)


def merged_spec(one: Spec, other: Spec, runs: Runs) -> Spec | None:
    """Return the Spec of a tensor in both runs; None where a size has no formula, or the dtypes or ranks differ."""
    if (one.dtype, one.rank) != (other.dtype, other.rank):
        return None
    pairs = zip(one.shape, other.shape, strict=True)
    shape = tuple(explained(int(size), int(others), runs.fills) for size, others in pairs)
    return (
        None
        if any(size == UNKNOWN or not dims.names(size) <= set(runs.fills[0]) for size in shape)
        else Spec(shape, one.dtype)
    )
