"""What would make a model fit: a narrower dtype, layers that run again, parameters shared among ranks, each with its figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from layercli.dataclass import dataclass
from layercli.inspect.cost import Cost, cost
from layercli.inspect.cost_graph import CostGraph, floating_dtype
from layercli.inspect.fit import Remedy
from layercli.inspect.model_graph import ModelGraph
from layercli.inspect.training_cost import Parallel, Training, training_cost

NARROWER = {"float64": "float32", "float32": "bfloat16"}
RANKS = 8
"""With how many ranks FSDP is tried."""


@dataclass(frozen=True, eq=False)
class Change:
    """Command line options that lower the memory: another dtype, or other fields of the Training."""

    options: str
    dtype: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


def remedies(opened: CostGraph, training: Training | None, now: Cost, capacity: int) -> tuple[Remedy, ...]:
    """Return the changes that lower the memory of ``now``, each with what it then takes and whether that fits in ``capacity``.

    Where none is enough, the last one is all of them at once.
    """
    found = {change: tried(change, opened, training, now, capacity) for change in changes(opened, training)}
    helping = [change for change, remedy in found.items() if remedy is not None]
    alone = [remedy for remedy in found.values() if remedy is not None]
    if len(alone) < 2 or any(remedy.fits for remedy in alone):
        return tuple(alone)
    everything = tried(together(helping), opened, training, now, capacity)
    return (*alone, everything) if everything is not None else tuple(alone)


def tried(change: Change, opened: CostGraph, training: Training | None, now: Cost, capacity: int) -> Remedy | None:
    """Return what a change does; None where it does not lower the memory."""
    narrowed = opened if change.dtype is None else opened.narrowed(change.dtype)
    changed = training if training is None else replace(training, **dict[str, Any](change.fields))
    needed = measured(narrowed, changed, now.at).bytes
    if needed is None or now.bytes is None or needed >= now.bytes:
        return None
    return Remedy(change.options, needed, needed <= capacity)


def changes(opened: CostGraph, training: Training | None) -> list[Change]:
    """Return the changes that are tried: those that are not made already."""
    found = []
    dtype = NARROWER.get(floating_dtype(opened.graph) or "")
    if dtype is not None:
        found.append(Change(f"--dtype {dtype}", dtype))
    if training is None:
        return found
    pattern = repeated(opened.graph)
    if pattern is not None and not training.checkpointing:
        found.append(Change(f"--checkpointing '{pattern}'", fields={"checkpointing": (pattern,)}))
    if training.shards == 1:
        found.append(Change(f"--ranks {RANKS} --parallel fsdp", fields={"ranks": RANKS, "parallel": Parallel.fsdp}))
    return found


def together(known: Sequence[Change]) -> Change:
    """Return the changes as one."""
    fields = {name: value for change in known for name, value in change.fields.items()}
    return Change(" ".join(change.options for change in known), next((x.dtype for x in known if x.dtype), None), fields)


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
