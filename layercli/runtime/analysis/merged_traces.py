"""Merge traces of a torch module, made with several numbers in the place of each open size, into one with formulas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layercli.core.dims import UNKNOWN
from layercli.core.spec import Spec
from layercli.runtime.analysis.module_runs import Runs
from layercli.runtime.analysis.trace_recording import Trace, TracedOperation

Tensors = list[tuple[Spec, int]]
"""Specs, each with the number of its storage."""


def merged_trace(runs: Runs) -> Trace | None:
    """Return a trace whose sizes and multiply-accumulates are formulas of the names of the open sizes.

    None where the runs do not give formulas: a run failed, the runs differ in their operations or in how long a tensor lives,
    as in a loop over a size, or there is no formula of the named sizes for a size.
    """
    if runs.failed or not runs.alike or len(runs.traces) < 2:
        return None
    first, second = runs.traces[:2]
    operations = [merged_operation(each, runs) for each in zip(*(x.operations for x in runs.traces), strict=True)]
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


def merged_operation(each: Sequence[TracedOperation], runs: Runs) -> TracedOperation | None:
    """Return an operation with formulas; None where a run has another operation there, or a size has no formula."""
    if len({(x.name, len(x.inputs), len(x.outputs)) for x in each}) > 1:
        return None
    inputs = merged_tensors([x.inputs for x in each], runs)
    outputs = merged_tensors([x.outputs for x in each], runs)
    macs = runs.formulas.of([int(x.macs) for x in each])
    if inputs is None or outputs is None or macs == UNKNOWN:
        return None
    return replace(each[0], inputs=inputs, outputs=outputs, macs=macs)


def merged_tensors(found_in: Sequence[Tensors], runs: Runs) -> Tensors | None:
    """Return tensors with formulas as sizes; None where a size has no formula, or the dtypes or ranks differ."""
    found = []
    for each in zip(*found_in, strict=True):
        specs, storage = [spec for spec, _ in each], each[0][1]
        if len({(spec.dtype, spec.rank) for spec in specs}) > 1:
            return None
        shape = tuple(runs.formulas.of(tuple(map(int, sizes))) for sizes in zip(*(x.shape for x in specs), strict=True))
        if UNKNOWN in shape:
            return None
        found.append((Spec(shape, specs[0].dtype), storage))
    return found
