"""What would make a model fit: a narrower dtype, weights of few bits, in their file or shared, layers that run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field, replace
from typing import Any, TypeAlias

from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.inspect.cost import Cost
from layercli.inspect.cost_graph import CostGraph, floating_dtype
from layercli.inspect.fit import Fit, Remedy, fit
from layercli.inspect.model_graph import ModelGraph
from layercli.inspect.training_cost import Parallel, Training, training_cost

NARROWER = {"float64": "float32", "float32": "bfloat16"}
WEIGHTS = {"int8": 8, "int4": 4}
"""How many bits the weights may have, by name."""
RANKS = 8
"""With how many ranks FSDP is tried, and at most tensor parallelism."""


@dataclass(frozen=True, eq=False)
class Change:
    """Command line options that lower the memory: another dtype, weights elsewhere or of few bits, other fields of the Training."""

    options: str
    dtype: str | None = None
    bits: int | None = None
    offloaded: bool = False
    ranks: int = 1
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def of_weights(self) -> bool:
        """Whether it says where or how weights are stored; of these changes a model takes one."""
        return self.bits is not None or self.offloaded or self.ranks > 1


def remedies(opened: CostGraph, training: Training | None, now: Cost, capacity: int) -> tuple[Remedy, ...]:
    """Return the changes that lower the memory of ``now``, each with what it then takes and whether that fits in ``capacity``.

    Where none is enough, all of them at once follow, and with them the greatest sizes that fit then.
    """
    found = {change: changed_by(change, opened, training, now.at) for change in changes(opened, training)}
    needed = {change: each.bytes for change, each in found.items() if lowers(each, now)}
    alone = [remedy(change, found[change], capacity) for change in needed]
    if len(alone) < 2 or any(each.fits for each in alone):
        return tuple(alone)
    joined = together(needed)
    same = next((change for change in needed if change.options == joined.options), None)
    changed = found[same] if same is not None else changed_by(joined, opened, training, now.at)
    everything = [remedy(joined, changed, capacity)] if same is None and lowers(changed, now) else []
    return (*alone, *everything, *smaller_sizes(fit(changed, capacity), changed.at, bytes_of(changed), joined.options))


def lowers(changed: Cost, now: Cost) -> bool:
    """Whether a change lowers the memory."""
    return changed.bytes is not None and now.bytes is not None and changed.bytes < now.bytes


def remedy(change: Change, changed: Cost, capacity: int) -> Remedy:
    """Return what a change does."""
    needed = changed.bytes or 0
    return Remedy(change.options, needed, needed <= capacity)


BytesAt: TypeAlias = Callable[[str, int], int | None]
"""What a model takes with another value of a named size."""


def bytes_of(found: Cost) -> BytesAt:
    """Return the memory by the formulas of a cost."""
    return lambda name, value: found.memory.bytes({**found.at, name: value})


def smaller_sizes(answer: Fit, at: Mapping[str, int], bytes_at: BytesAt, options: str = "") -> tuple[Remedy, ...]:
    """Return the largest value of each size with which the model fits, as changes beside the ``options`` of another one."""
    found = []
    for name, most in answer.largest.items():
        if most and most < at.get(name, 0) and (needed := bytes_at(name, most)) is not None:
            found.append(Remedy(f"{options} --at {name}={most}".lstrip(), needed, needed <= answer.capacity))
    return tuple(found)


def changed_by(change: Change, opened: CostGraph, training: Training | None, at: Mapping[str, int]) -> Cost:
    """Return the cost with a change."""
    narrowed = opened if change.dtype is None else opened.narrowed(change.dtype)
    changed = training if training is None else replace(training, **dict[str, Any](change.fields))
    if training is None and (change.offloaded or change.ranks > 1):
        narrowed = narrowed.placed(change.offloaded, change.ranks)
    return measured(narrowed.with_weights(change.bits), changed, at)


def changes(opened: CostGraph, training: Training | None) -> list[Change]:
    """Return the changes that are tried: those that are not made already."""
    found = []
    dtype = NARROWER.get(floating_dtype(opened.graph) or "")
    if dtype is not None:
        found.append(Change(f"--dtype {dtype}", dtype))
    if training is None:
        return [*found, *changes_of_weights(opened)]
    pattern = repeated(opened.graph)
    if pattern is not None and not training.checkpointing:
        found.append(Change(f"--checkpointing '{pattern}'", fields={"checkpointing": (pattern,)}))
    if training.shards == 1:
        found.append(Change(f"--ranks {RANKS} --parallel fsdp", fields={"ranks": RANKS, "parallel": Parallel.fsdp}))
    return found


def changes_of_weights(opened: CostGraph) -> list[Change]:
    """Return where and how else weights can be in inference: of few bits; of a folder in their file, or shared among ranks."""
    if opened.packed or opened.offloaded or opened.ranks > 1:
        return []
    found = [Change(f"--weights {name}", bits=bits) for name, bits in WEIGHTS.items()]
    if opened.shares_of is None:
        return found
    found.append(Change("--offload", offloaded=True))
    for ranks in (RANKS, RANKS // 2, RANKS // 4):
        with suppress(UsageError):  # whose heads do not divide among so many
            opened.shares_of(ranks)
            return [*found, Change(f"--ranks {ranks}", ranks=ranks)]
    return found


def together(needed: Mapping[Change, int | None]) -> Change:
    """Return the changes as one: of those of the weights that which takes least."""
    fields = {name: value for change in needed for name, value in change.fields.items()}
    least = min(
        (change for change in needed if change.of_weights), key=lambda each: needed[each] or 0, default=Change("")
    )
    joined = [change for change in needed if change is least or not change.of_weights]
    dtype = next((change.dtype for change in joined if change.dtype), None)
    options = " ".join(change.options for change in joined)
    return replace(least, options=options, dtype=dtype, fields=fields)


def measured(opened: CostGraph, training: Training | None, at: Mapping[str, int], dtype: str | None = None) -> Cost:
    """Return the cost of a call, or of a training step."""
    return opened.cost(at, dtype) if training is None else training_cost(opened, training, at=at, dtype=dtype)


def repeated(graph: ModelGraph) -> str | None:
    """Return the pattern of the longest numbered list of layers that are called, as ``blocks/*``; None where there is none."""
    lists = Counter(
        path.rpartition("/")[0] for path in graph.calls_of if path.rpartition("/")[2].isdecimal() and "/" in path
    )
    most = max(lists, key=lambda path: lists[path], default=None)
    return f"{most}/*" if most is not None and lists[most] > 1 else None
