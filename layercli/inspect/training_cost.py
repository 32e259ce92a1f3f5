"""What a training step costs: weights, optimizer state, gradients, and what is kept for the backward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from layercli.core import dims
from layercli.core.dims import Size
from layercli.errors import UsageError
from layercli.inspect.cost import INPUTS, WEIGHTS, Cost, Memory, fixed_parts, notes_of
from layercli.inspect.cost_graph import CostGraph
from layercli.inspect.liveness import GRADIENTS, Timeline
from layercli.inspect.model_graph import ModelGraph, Value, ValueKind
from layercli.inspect.optimizer_state import optimizer_of, state_bytes
from layercli.inspect.training_memory import segments_of

OPTIMIZER, GATHERED = "optimizer state", "gathered layers"


class Parallel(StrEnum):
    """How several ranks train: each with all parameters, or each with a share of them."""

    ddp = "ddp"
    fsdp = "fsdp"


@dataclass(frozen=True)
class Training:
    """How a model is trained: the optimizer as on the command line, and what saves memory."""

    optimizer: str
    accumulation: int = 1
    checkpointing: tuple[str, ...] = ()
    ranks: int = 1
    parallel: Parallel = Parallel.ddp

    @property
    def shards(self) -> int:
        """How many ranks share the parameters, the gradients and the state of the optimizer."""
        return self.ranks if self.parallel is Parallel.fsdp else 1


def training_cost(
    opened: CostGraph, training: Training, *, at: Mapping[str, int] | None = None, dtype: str | None = None
) -> Cost:
    """Return what one training step of a model costs on each rank, the batch being that of a rank."""
    if opened.graph.incomplete:
        hint = "give shapes and sizes: --input-shape B,3,224,224 --at B=8"
        raise UsageError(f"what training takes is not known: {opened.graph.incomplete}", hint=hint)
    for pattern in training.checkpointing:
        if not segments_of(opened.graph, [pattern]):
            raise UsageError(f"no layer that is called has a path like {pattern!r}", hint="as in 'blocks/*'")
    run = opened.training_run(training.checkpointing, at or {})
    graph = run.graph
    fixed = fixed_training_parts(graph, training)
    return Cost(
        name=graph.name,
        class_name=graph.class_name,
        source=graph.source,
        mode=f"training ({training.optimizer})",
        dtype=dtype,
        at=dict(at or {}),
        graph=graph,
        memory=Memory(fixed, sharded(run.moving, training.shards), run.steps),
        kept=run.kept,
        notes=[*notes_of(graph), *training_notes(training, run.unknown)],
    )


def trained(graph: ModelGraph) -> list[Value]:
    """Return the parameters that are trained."""
    return [x for x in graph.variables_below() if x.kind is ValueKind.PARAMETER and x.trainable]


def fixed_training_parts(graph: ModelGraph, training: Training) -> dict[str, Size]:
    """Return the bytes that are there during the whole step on each rank."""
    parts = fixed_parts(graph)
    shards, parameters = training.shards, trained(graph)
    state = state_bytes(optimizer_of(training.optimizer, training.accumulation), [x.spec for x in parameters])
    held = dims.total(x.bytes for x in parameters)
    found = {
        WEIGHTS: parts[WEIGHTS] - held + dims.ceil_div(held, shards),
        OPTIMIZER: dims.ceil_div(state, shards),
        INPUTS: parts[INPUTS],
    }
    return found if shards == 1 else {**found, GATHERED: gathered(graph)}


def gathered(graph: ModelGraph) -> Size:
    """Return the parameters of the two largest layers, which FSDP holds whole: the one that runs and the next, with a gradient."""
    sizes = [
        sum(int(x.bytes) for index in module.variables.values() if (x := graph.values[index]).trainable)
        for module in graph.modules.values()
    ]
    largest = sorted(sizes, reverse=True)[:2]
    return sum(largest) + (largest[0] if largest else 0)


def sharded(timeline: Timeline, shards: int) -> Timeline:
    """Return the timeline with the gradients of parameters in so many shards."""
    if shards == 1:
        return timeline
    storages = [
        replace(each, bytes=dims.ceil_div(each.bytes, shards)) if each.part == GRADIENTS else each
        for each in timeline.storages
    ]
    return Timeline(tuple(storages), timeline.workspaces)


def training_notes(training: Training, unknown: Sequence[str]) -> list[str]:
    """Return the footnotes about the figures of a training step."""
    notes = ["the loss is not counted, but for its gradient: the outputs once more"]
    if unknown:
        verb = "keeps" if len(unknown) == 1 else "keep"
        names = ", ".join(unknown)
        notes.append(f"what {names} {verb} for the backward pass is not known: counted is what it takes and gives")
    if training.checkpointing:
        notes.append(
            "layers that run again free what they keep one by one: reference cycles may hold it until Python's collector runs"
        )
    if training.ranks > 1:
        notes.append(f"of each of {training.ranks} ranks ({training.parallel}); B is the batch of a rank")
    return notes
