"""Merge two traces of a torch module, made with two primes in the place of each open size, into one with formulas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from layercli.core.dims import UNKNOWN
from layercli.core.spec import Spec
from layercli.runtime.analysis.filled_sizes import explained
from layercli.runtime.analysis.module_runs import Runs
from layercli.runtime.analysis.trace_recording import Trace, TracedOperation

Tensors = list[tuple[Spec, int]]
"""Specs, each with the number of its storage."""


def merged_trace(runs: Runs) -> Trace | None:
    """Return a trace whose sizes and multiply-accumulates are formulas of the names of the open sizes.

    None where two runs do not give formulas: a run failed, the runs differ in their operations or in how long a tensor lives,
    as in a loop over a size, or a size is not a multiple of the named ones.
    """
    if runs.failed or not runs.alike or len(runs.traces) != 2:
        return None
    first, second = runs.traces
    operations = [merged_operation(*both, runs) for both in zip(first.operations, second.operations, strict=True)]
    known = [each for each in operations if each is not None]
    if len(known) < len(operations):
        return None
    pairs = {pair for both in zip(first.operations, second.operations, strict=True) for pair in storages_of(*both)}
    if not len(pairs) == len({ours for ours, _ in pairs}) == len({theirs for _, theirs in pairs}):
        return None
    if any(first.freed.get(ours) != second.freed.get(theirs) for ours, theirs in pairs):
        return None
    return replace(first, operations=known)


def storages_of(one: TracedOperation, other: TracedOperation) -> Iterator[tuple[int, int]]:
    """Yield the numbers of the storage of each operand and result, in one run and in the other."""
    for ours, theirs in zip((*one.inputs, *one.outputs), (*other.inputs, *other.outputs), strict=True):
        yield ours[1], theirs[1]


def merged_operation(one: TracedOperation, other: TracedOperation, runs: Runs) -> TracedOperation | None:
    """Return an operation with formulas; None where a run has another operation there, or a size has no formula."""
    if (one.name, len(one.inputs), len(one.outputs)) != (other.name, len(other.inputs), len(other.outputs)):
        return None
    inputs = merged_tensors(one.inputs, other.inputs, runs)
    outputs = merged_tensors(one.outputs, other.outputs, runs)
    macs = explained(int(one.macs), int(other.macs), runs.fills)
    if inputs is None or outputs is None or macs == UNKNOWN:
        return None
    return replace(one, inputs=inputs, outputs=outputs, macs=macs)


def merged_tensors(ours: Tensors, theirs: Tensors, runs: Runs) -> Tensors | None:
    """Return tensors with formulas as sizes; None where a size has no formula, or the dtypes or ranks differ."""
    found = []
    for (one, storage), (other, _) in zip(ours, theirs, strict=True):
        if (one.dtype, one.rank) != (other.dtype, other.rank):
            return None
        pairs = zip(one.shape, other.shape, strict=True)
        shape = tuple(explained(int(size), int(others), runs.fills) for size, others in pairs)
        if UNKNOWN in shape:
            return None
        found.append((Spec(shape, one.dtype), storage))
    return found
