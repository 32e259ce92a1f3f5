"""What would make a model fit: a narrower dtype, layers that run again, parameters shared among ranks, each with its figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from layercli.inspect.cost import Cost, cost
from layercli.inspect.cost_graph import CostGraph, floating_dtype
from layercli.inspect.fit import Remedy
from layercli.inspect.model_graph import ModelGraph
from layercli.inspect.training_cost import Parallel, Training, training_cost

NARROWER = {"float64": "float32", "float32": "bfloat16"}
RANKS = 8
"""With how many ranks FSDP is tried."""


def remedies(opened: CostGraph, training: Training | None, now: Cost, capacity: int) -> tuple[Remedy, ...]:
    """Return the changes that lower the memory of ``now``, each with what it then takes and whether that fits in ``capacity``."""
    found = []
    for change, changed in changes(opened, training, now.at):
        needed = changed.bytes
        if needed is not None and now.bytes is not None and needed < now.bytes:
            found.append(Remedy(change, needed, needed <= capacity))
    return tuple(found)


def changes(opened: CostGraph, training: Training | None, at: Mapping[str, int]) -> Iterator[tuple[str, Cost]]:
    """Yield the command line options that are tried, and the cost with each."""
    dtype = NARROWER.get(floating_dtype(opened.graph) or "")
    if dtype is not None:
        yield f"--dtype {dtype}", measured(opened.narrowed(dtype), training, at)
    if training is None:
        return
    pattern = repeated(opened.graph)
    if pattern is not None and not training.checkpointing:
        yield f"--checkpointing '{pattern}'", measured(opened, replace(training, checkpointing=(pattern,)), at)
    if training.shards == 1:
        shared = replace(training, ranks=RANKS, parallel=Parallel.fsdp)
        yield f"--ranks {RANKS} --parallel fsdp", measured(opened, shared, at)


def measured(opened: CostGraph, training: Training | None, at: Mapping[str, int]) -> Cost:
    """Return the cost of a call, or of a training step."""
    if training is None:
        return cost(opened.graph, at=at, cache=opened.cache, cache_name=opened.cache_name)
    return training_cost(opened, training, at=at)


def repeated(graph: ModelGraph) -> str | None:
    """Return the pattern of the longest numbered list of layers that are called, as ``blocks/*``; None where there is none."""
    lists = Counter(
        path.rpartition("/")[0] for path in graph.calls_of if path.rpartition("/")[2].isdecimal() and "/" in path
    )
    most = max(lists, key=lambda path: lists[path], default=None)
    return f"{most}/*" if most is not None and lists[most] > 1 else None
