"""What a model costs: the memory of a call of it or of a training step, where the peak is, and what is live there."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.dataclass import dataclass
from layercli.inspect.kernel_memory import restored_bytes
from layercli.inspect.liveness import (
    ACTIVATIONS,
    GATHERED,
    GRADIENTS,
    IN_USE,
    KEPT,
    OF_ACTIVATIONS,
    Peak,
    Timeline,
    timeline,
)
from layercli.inspect.model_graph import ModelGraph, ModuleNode, ValueKind
from layercli.inspect.weight_placement import Shares, read_when_used, shared_bytes

WEIGHTS, INPUTS, CACHE, WORKSPACE = "weights", "inputs", "KV cache", "workspace"
STATES = "states"
"""The cache of a recurrence, which is as large after any number of tokens."""
SCHEMA = "layercli.cost/1"
__all__ = [
    "ACTIVATIONS",
    "CACHE",
    "INPUTS",
    "KEPT",
    "SCHEMA",
    "STATES",
    "WEIGHTS",
    "Cost",
    "Memory",
    "cost",
    "formula_of",
]


MANY = 10**12
"""More tokens than any window has."""
ORDER = [GATHERED, IN_USE, GRADIENTS, KEPT, OF_ACTIVATIONS, ACTIVATIONS, CACHE, STATES]
"""The parts that come and go, in the order they are shown in."""


@dataclass(frozen=True)
class Memory:
    """The memory of one call of a model, or of one training step: what is there all the time, and what comes and goes.

    ``fixed`` maps a part to its bytes; ``moving`` holds the storages of the rest, each counted as a part.
    """

    fixed: Mapping[str, Size]
    moving: Timeline
    steps: Sequence[object] = ()
    """What each step of ``moving`` is, as text for a reader: the operation and its module."""

    @property
    def fixed_bytes(self) -> Size:
        """The bytes of all that is there all the time."""
        return dims.total(self.fixed.values())

    @property
    def names(self) -> set[str]:
        """The names of the sizes that are open."""
        return dims.names(self.fixed_bytes) | self.moving.names

    def bytes(self, at: Mapping[str, int]) -> int | None:
        """Return the greatest sum of all parts for these values of the named sizes; None where a size stays unknown."""
        fixed, sums = dims.at(self.fixed_bytes, at), self.moving.sums(at)
        return fixed + max(sums, default=0) if isinstance(fixed, int) and sums is not None else None

    def formula(self, at: Mapping[str, int] | None = None) -> str | None:
        """Return the greatest sum as a formula of the sizes that are open, or None where it is unknown."""
        sizes = [dims.at(self.fixed_bytes + size, at or {}) for size, _ in self.moving.candidates] or [self.fixed_bytes]
        if UNKNOWN in sizes:
            return None
        texts = list(dict.fromkeys(map(str, sizes)))
        return texts[0] if len(texts) == 1 else f"max({', '.join(texts)})"

    def peak(self, at: Mapping[str, int]) -> Peak | None:
        """Return the peak of what comes and goes."""
        return self.moving.peak(at)


@dataclass(frozen=True)
class CostPart:
    """A part of the memory at the peak: its bytes, and the formula where sizes are open."""

    name: str
    bytes: int | None
    formula: str | None = None


@dataclass(frozen=True)
class Live:
    """A tensor that is live at the peak: what it is, its Spec as text (empty where it is not known), its bytes."""

    name: str
    spec: str
    bytes: int


@dataclass(frozen=True)
class ModuleCost:
    """What a module costs: its weights, what its calls give, what they keep for the backward pass, its MACs."""

    path: str
    class_name: str | None
    depth: int
    parameters: Size
    weights: Size
    outputs: Size
    kept: Size | None
    macs: Size


@dataclass
class Cost:
    """What a model costs at given sizes; ``at`` are the values of the named sizes, those not in it stay open."""

    name: str
    class_name: str | None
    source: str
    mode: str
    dtype: str | None
    at: dict[str, int]
    graph: ModelGraph
    memory: Memory
    kept: Mapping[int, Size] | None = None
    """What each call keeps for the backward pass, by its index; None in inference."""
    cache: Size | None = None
    cache_name: str = CACHE
    notes: list[str] = field(default_factory=list)

    @cached_property
    def peak(self) -> Peak | None:
        """The peak of what comes and goes; None where sizes are open or unknown, or the calls do not cover a forward pass."""
        return None if self.graph.incomplete else self.memory.peak(self.at)

    @property
    def bytes(self) -> int | None:
        """The greatest sum of all parts; None where sizes are open or unknown."""
        fixed = dims.at(self.memory.fixed_bytes, self.at)
        return fixed + self.peak.bytes if isinstance(fixed, int) and self.peak is not None else None

    def formula(self, at: Mapping[str, int] | None = None) -> str | None:
        """Return ``bytes`` as a formula of the sizes that are open at ``at``, by default the cost's; None where it is unknown."""
        return None if self.graph.incomplete else self.memory.formula(self.at if at is None else at)

    @property
    def open_sizes(self) -> list[str]:
        """The names of the sizes that were given no value, sorted."""
        return sorted(self.memory.names - set(self.at))

    @property
    def layers(self) -> int:
        """How many modules there are below the model."""
        return sum(bool(module.path) and not module.container for module in self.graph.below())

    def modules(self, depth: int | None = None) -> list[ModuleCost]:
        """Return what each module costs, down to ``depth``."""
        return module_costs(self.graph, self.kept, depth)

    def parts(self) -> list[CostPart]:
        """Return the parts of the memory at the peak, in the order of their kinds."""
        parts = [amount(name, size, self.at) for name, size in self.memory.fixed.items()]
        found = self.peak
        if self.graph.incomplete:
            return [*parts, CostPart(ACTIVATIONS, None)]
        if found is None:
            moving = [dims.at(size, self.at) for size, _ in self.memory.moving.candidates]
            text = None if UNKNOWN in moving else "max(" + ", ".join(map(str, moving)) + ")"
            if len(moving) == 1 and text is not None:
                text = str(moving[0])
            return [*parts, CostPart(ACTIVATIONS, None, text)]
        names = sorted({storage.part for storage, _ in found.live}, key=ORDER.index)
        parts += [CostPart(name, found.of(name)) for name in names]
        return [*parts, CostPart(WORKSPACE, found.workspace)] if found.workspace else parts

    def peak_step(self) -> str | None:
        """Return the step that the peak is in, None where sizes are open or nothing is called."""
        found = self.peak
        return str(self.memory.steps[found.step]) if found is not None and self.memory.steps else None

    def live(self) -> list[Live]:
        """Return what is live at the peak beside what is there all the time and the KV cache, largest first."""
        found = self.peak
        storages = [each for each in (found.live if found else ()) if each[0].part != self.cache_name]
        return [
            Live(f"{self.memory.steps[storage.start]} ({storage.part})", "", size)
            if storage.value is None
            else Live(
                live_name(self.graph, storage.value, storage.part),
                str(self.graph.values[storage.value].spec.at(self.at)),
                size,
            )
            for storage, size in storages
        ]

    @property
    def cache_per_token(self) -> tuple[int | None, int | None]:
        """The bytes of the KV cache that do not depend on the number of tokens, and those of each token, for one text.

        None where it does not grow with each token alike, as with sliding windows.
        """
        if self.cache is None:
            return None, None
        counts = [dims.at(self.cache, {**self.at, dims.BATCH: 1, "T": steps}) for steps in (1, 2, MANY)]
        one, two, many = (size if isinstance(size, int) else None for size in counts)
        if one is None or two is None or many != one + (MANY - 1) * (two - one):
            return None, None
        return 2 * one - two, two - one


def amount(name: str, size: Size, at: Mapping[str, int]) -> CostPart:
    """Return a part whose bytes are a formula at ``at``."""
    found = dims.at(size, at)
    return CostPart(name, found if isinstance(found, int) else None, formula_of(found))


def formula_of(size: Size) -> str | None:
    """Return the text of a formula; None for a number, and for what is unknown."""
    return str(size) if isinstance(size, Dim) and size != UNKNOWN else None


def live_name(graph: ModelGraph, index: int, part: str) -> str:
    """Return what a reader knows a storage as: the operation that gave it, with its module."""
    call = graph.made_by.get(index)
    if call is None:
        return graph.values[index].path or graph.values[index].kind.value
    named = " ".join(filter(None, (call.module, call.operation)))
    return named if part == ACTIVATIONS else f"{named} ({part})"


def cost(
    graph: ModelGraph,
    *,
    at: Mapping[str, int] | None = None,
    dtype: str | None = None,
    cache: Sequence[int] = (),
    cache_name: str = CACHE,
    packed: Collection[int] = (),
    offloaded: bool = False,
    shares: Shares | None = None,
) -> Cost:
    """Return what one call of a model in inference costs; ``cache`` are the indices of the values that a decoder keeps, ``packed``
    those of matrices that each operation restores to their dtype while it runs.

    ``offloaded`` weights are read when they are used; with ``shares`` each rank has so many elements of the variables.
    """
    kept = {graph.values[index].storage: cache_name for index in cache}
    moving = timeline(graph, kept)
    if packed:
        moving = Timeline(moving.storages, tuple(map(operator.add, moving.workspaces, restored_bytes(graph, packed))))
    fixed = fixed_parts(graph)
    if shares is not None:
        fixed[WEIGHTS] = shared_bytes(graph, shares)
    if offloaded:
        fixed[WEIGHTS] = 0
        moving = Timeline((*moving.storages, *read_when_used(graph)), moving.workspaces)
    memory = Memory(fixed, moving, [step_name(call) for call in graph.calls])
    sizes = at or {}
    return Cost(
        name=graph.name,
        class_name=graph.class_name,
        source=graph.source,
        mode="inference",
        dtype=dtype,
        at=dict(sizes),
        graph=graph,
        memory=memory,
        cache=dims.total(graph.values[index].bytes for index in cache) if cache else None,
        cache_name=cache_name,
        notes=notes_of(graph),
    )


def notes_of(graph: ModelGraph) -> list[str]:
    """Return the footnotes about the figures."""
    notes = list(graph.notes)
    if graph.incomplete:
        notes.append(f"the memory of activations is not known: {graph.incomplete}")
    return notes


def fixed_parts(graph: ModelGraph) -> dict[str, Size]:
    """Return the bytes of the weights, parameters and buffers, each once, and of the inputs, which the caller holds."""
    weights = dims.total(value.bytes for value in graph.variables_below())
    return {WEIGHTS: weights, INPUTS: dims.total(graph.values[index].bytes for _, index in graph.inputs)}


def step_name(call: Any) -> str:
    """Return the name of the step of one call: its module and operation."""
    return " ".join(filter(None, (call.module, call.operation)))


def module_costs(graph: ModelGraph, kept: Mapping[int, Size] | None, depth: int | None = None) -> list[ModuleCost]:
    """Return what each module below the model costs, down to ``depth``; ``kept`` is what each call keeps for the backward pass."""
    return [
        module_cost(graph, module, kept)
        for module in graph.below()
        if module.path and not module.container and (depth is None or module.depth <= depth)
    ]


def module_cost(graph: ModelGraph, module: ModuleNode, kept: Mapping[int, Size] | None) -> ModuleCost:
    """Return what one module costs with all below it."""
    variables = graph.variables_below(module.path)
    return ModuleCost(
        path=module.path,
        class_name=module.class_name,
        depth=module.depth,
        parameters=graph.parameters_below(module.path),
        weights=dims.total(value.bytes for value in variables),
        outputs=output_bytes(graph, module.path),
        kept=None if kept is None else dims.total(kept.get(i, 0) for i in call_indices(graph, module.path)),
        macs=graph.macs(module.path),
    )


def call_indices(graph: ModelGraph, path: str) -> list[int]:
    """Return the indices of the calls that ran inside a module."""
    return [i for call in graph.calls_of.get(path, ()) for i in range(call.start, call.stop)]


def output_bytes(graph: ModelGraph, path: str) -> Size:
    """Return the bytes of what the operations of a module allocate in all its calls."""
    made: dict[int, Size] = {}
    for call in graph.operations_of(path):
        for index in call.outputs:
            storage = graph.values[index].storage
            if graph.values[storage].kind is ValueKind.ACTIVATION and storage == index:
                made[storage] = graph.values[storage].bytes
    return dims.total(made.values())
