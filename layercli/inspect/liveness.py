"""Which memory is live during each step of a model, and where the sum is greatest.

A step is the call of one operation; a training step has a backward step for each of them as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate

from layercli.core import dims
from layercli.core.dims import Size
from layercli.dataclass import dataclass
from layercli.inspect.kernel_memory import allocated_by, workspace_of
from layercli.inspect.largest_sums import undominated
from layercli.inspect.model_graph import ModelGraph, ValueKind

MADE = frozenset({ValueKind.ACTIVATION, ValueKind.CONSTANT})
"""The kinds of values whose memory is allocated while the model runs."""
ACTIVATIONS, KEPT = "activations", "kept for backward"
GRADIENTS, OF_ACTIVATIONS = "gradients", "gradients of activations"
GATHERED = "gathered layers"
IN_USE = "weights in use"
"""What storages are counted as."""


@dataclass(frozen=True)
class Storage:
    """Memory that is allocated in the step ``start`` and freed after the step ``stop``.

    ``value`` is the index of the value in the graph that it was allocated for, None for what only a backward pass has; ``part``
    says what it is counted as.
    """

    value: int | None
    bytes: Size
    start: int
    stop: int
    part: str = ACTIVATIONS


@dataclass(frozen=True)
class Peak:
    """The greatest sum of live memory: in bytes, the step it is reached in, and what is live there, largest first."""

    bytes: int
    step: int
    live: tuple[tuple[Storage, int], ...] = ()
    workspace: int = 0

    def of(self, part: str) -> int:
        """Return the bytes of one part."""
        return sum(size for storage, size in self.live if storage.part == part)


@dataclass(frozen=True)
class Timeline:
    """The storages, and what the kernel of each step takes beside them, in bytes; one workspace for each step."""

    storages: tuple[Storage, ...]
    workspaces: tuple[Size, ...]

    @cached_property
    def sizes(self) -> list[Size]:
        """The bytes that are live during each step, formulas where sizes are open."""
        changes: list[Size] = [0] * (len(self.workspaces) + 1)
        for each in self.storages:
            changes[each.start] = changes[each.start] + each.bytes
            changes[each.stop + 1] = changes[each.stop + 1] - each.bytes
        found: list[Size] = []
        live: Size = 0
        for change, workspace in zip(changes, self.workspaces, strict=False):
            live = live + change
            found.append(live + workspace)
        return found

    @cached_property
    def candidates(self) -> list[tuple[Size, int]]:
        """The sums that are the greatest for some sizes, each with its first step; a single one where sizes are known."""
        return undominated(list(zip(self.sizes, range(len(self.sizes)), strict=True)))

    @cached_property
    def names(self) -> set[str]:
        """The names of the sizes that are open."""
        return set().union(*map(dims.names, {*(each.bytes for each in self.storages), *self.workspaces}))

    def sums(self, at: Mapping[str, int]) -> list[int] | None:
        """Return the bytes that are live during each step for these values of the named sizes; None where a size stays unknown."""
        found = {size: dims.at(size, at) for size in {*(each.bytes for each in self.storages), *self.workspaces}}
        numbers = {size: number for size, number in found.items() if isinstance(number, int)}
        if len(numbers) < len(found):
            return None
        changes = [0] * (len(self.workspaces) + 1)
        for each in self.storages:
            changes[each.start] += numbers[each.bytes]
            changes[each.stop + 1] -= numbers[each.bytes]
        return [live + numbers[taken] for live, taken in zip(accumulate(changes), self.workspaces, strict=False)]

    def peak(self, at: Mapping[str, int]) -> Peak | None:
        """Return the peak for these values of the named sizes; None where a size stays unknown."""
        sums = self.sums(at)
        if sums is None:
            return None
        if not sums:
            return Peak(0, 0)
        largest = max(sums)
        step = sums.index(largest)
        live = [(each, int(dims.at(each.bytes, at))) for each in self.storages if each.start <= step <= each.stop]
        live.sort(key=lambda each: -each[1])
        return Peak(largest, step, tuple(live), int(dims.at(self.workspaces[step], at)))


def lifetimes(graph: ModelGraph) -> dict[int, tuple[int, int]]:
    """Return the first and the last call that each storage of the kinds ``MADE`` is live in, by its index.

    A model in eager mode frees a tensor when its code drops it, a graph after the last call that takes it.
    """
    found: dict[int, tuple[int, int]] = {}
    kept, last = {index for _, index in graph.outputs}, len(graph.calls) - 1
    for i, call in enumerate(graph.calls):
        for index in (*call.inputs, *call.outputs):
            storage = graph.values[index].storage
            if graph.values[storage].kind not in MADE:
                continue
            start, stop = found.get(storage, (i, i))
            until = last if index in kept else max(i, graph.dropped.get(index, 0) - 1)
            found[storage] = start, max(stop, until)
    return found


def timeline(graph: ModelGraph, parts: Mapping[int, str] | None = None) -> Timeline:
    """Return what the calls of a graph allocate in inference; ``parts`` says what a storage counts as, if not an activation."""
    sizes = allocated_by(graph)
    storages = tuple(
        Storage(index, sizes.get(index, graph.values[index].bytes), start, stop, (parts or {}).get(index, ACTIVATIONS))
        for index, (start, stop) in lifetimes(graph).items()
    )
    return Timeline(storages, tuple(workspace_of(graph, call) for call in graph.calls))
