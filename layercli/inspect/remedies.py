"""What would make a model fit: a narrower dtype, weights of few bits, layers that run again, parameters shared among ranks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from layercli.dataclass import dataclass
from layercli.inspect.cost import Cost, cost
from layercli.inspect.cost_graph import CostGraph, floating_dtype
from layercli.inspect.fit import Fit, Remedy, largest
from layercli.inspect.model_graph import ModelGraph
from layercli.inspect.training_cost import Parallel, Training, training_cost

NARROWER = {"float64": "float32", "float32": "bfloat16"}
WEIGHTS = {"int8": 8, "int4": 4}
"""How many bits the weights may have, by name."""
RANKS = 8
"""With how many ranks FSDP is tried."""


@dataclass(frozen=True, eq=False)
class Change:
    """Command line options that lower the memory: another dtype, weights of so many bits, or other fields of the Training."""

    options: str
    dtype: str | None = None
    bits: int | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


def remedies(opened: CostGraph, training: Training | None, now: Cost, capacity: int) -> tuple[Remedy, ...]:
    """Return the changes that lower the memory of ``now``, each with what it then takes and whether that fits in ``capacity``.

    Where none is enough, all of them at once follow, and with them the greatest sizes that fit then.
    """
    found = {change: tried(change, opened, training, now, capacity) for change in changes(opened, training)}
    helping = [change for change, remedy in found.items() if remedy is not None]
    alone = [remedy for remedy in found.values() if remedy is not None]
    if len(alone) < 2 or any(remedy.fits for remedy in alone):
        return tuple(alone)
    all_of_them = together(helping)
    if all(change.options != all_of_them.options for change in helping):
        everything = tried(all_of_them, opened, training, now, capacity)
        alone += [] if everything is None else [everything]
    return (*alone, *with_smaller_sizes(all_of_them, changed_by(all_of_them, opened, training, now.at), capacity))


def with_smaller_sizes(change: Change, changed: Cost, capacity: int) -> list[Remedy]:
    """Return a change with the greatest size that fits then, for each size that has one and must be smaller."""
    found = []
    for name in sorted(changed.memory.names & changed.at.keys()):
        most = largest(changed.memory, name, changed.at, capacity)
        needed = changed.memory.bytes({**changed.at, name: most}) if most and most < changed.at[name] else None
        if needed is not None:
            found.append(Remedy(f"{change.options} --at {name}={most}", needed, True))
    return found


def smaller_sizes(fit: Fit, at: Mapping[str, int], bytes_at: Callable[[str, int], int | None]) -> tuple[Remedy, ...]:
    """Return the largest value of each size with which the model fits, as changes; ``bytes_at`` says what it then takes."""
    found = []
    for name, most in fit.largest.items():
        if most and most < at.get(name, 0) and (needed := bytes_at(name, most)) is not None:
            found.append(Remedy(f"--at {name}={most}", needed, needed <= fit.capacity))
    return tuple(found)


def tried(change: Change, opened: CostGraph, training: Training | None, now: Cost, capacity: int) -> Remedy | None:
    """Return what a change does; None where it does not lower the memory."""
    needed = changed_by(change, opened, training, now.at).bytes
    if needed is None or now.bytes is None or needed >= now.bytes:
        return None
    return Remedy(change.options, needed, needed <= capacity)


def changed_by(change: Change, opened: CostGraph, training: Training | None, at: Mapping[str, int]) -> Cost:
    """Return the cost with a change."""
    narrowed = opened if change.dtype is None else opened.narrowed(change.dtype)
    changed = training if training is None else replace(training, **dict[str, Any](change.fields))
    return measured(narrowed.with_weights(change.bits), changed, at)


def changes(opened: CostGraph, training: Training | None) -> list[Change]:
    """Return the changes that are tried: those that are not made already."""
    found = []
    dtype = NARROWER.get(floating_dtype(opened.graph) or "")
    if dtype is not None:
        found.append(Change(f"--dtype {dtype}", dtype))
    if training is None:
        packed = [] if opened.packed else [Change(f"--weights {name}", bits=bits) for name, bits in WEIGHTS.items()]
        return [*found, *packed]
    pattern = repeated(opened.graph)
    if pattern is not None and not training.checkpointing:
        found.append(Change(f"--checkpointing '{pattern}'", fields={"checkpointing": (pattern,)}))
    if training.shards == 1:
        found.append(Change(f"--ranks {RANKS} --parallel fsdp", fields={"ranks": RANKS, "parallel": Parallel.fsdp}))
    return found


def together(known: Sequence[Change]) -> Change:
    """Return the changes as one."""
    fields = {name: value for change in known for name, value in change.fields.items()}
    fewest = min((change for change in known if change.bits), key=lambda change: change.bits or 0, default=None)
    joined = [change for change in known if change.bits is None or change is fewest]
    return Change(
        " ".join(change.options for change in joined),
        next((change.dtype for change in joined if change.dtype), None),
        None if fewest is None else fewest.bits,
        fields,
    )


def measured(opened: CostGraph, training: Training | None, at: Mapping[str, int]) -> Cost:
    """Return the cost of a call, or of a training step."""
    if training is None:
        return cost(opened.graph, at=at, cache=opened.cache, cache_name=opened.cache_name, packed=opened.packed)
    return training_cost(opened, training, at=at)


def repeated(graph: ModelGraph) -> str | None:
    """Return the pattern of the longest numbered list of layers that are called, as ``blocks/*``; None where there is none."""
    lists = Counter(
        path.rpartition("/")[0] for path in graph.calls_of if path.rpartition("/")[2].isdecimal() and "/" in path
    )
    most = max(lists, key=lambda path: lists[path], default=None)
    return f"{most}/*" if most is not None and lists[most] > 1 else None
