"""What a training step costs: weights, optimizer state, gradients, and what is kept for the backward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from layercli.core import dims
from layercli.core.dims import Size
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.inspect.cost import INPUTS, WEIGHTS, Cost, Memory, fixed_parts, notes_of
from layercli.inspect.cost_graph import CostGraph
from layercli.inspect.fsdp_memory import ShardedRun, parameters_of, share_of
from layercli.inspect.liveness import GRADIENTS, OF_ACTIVATIONS, Timeline
from layercli.inspect.model_graph import ModelGraph
from layercli.inspect.optimizer_state import optimizer_of, state_bytes
from layercli.inspect.training_memory import segments_of
from layercli.inspect.training_run import TrainingRun

OPTIMIZER = "optimizer state"


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
        memory=Memory(fixed, among_ranks(run, training), run.steps),
        kept=run.kept,
        notes=[*notes_of(graph), *training_notes(training, run.unknown)],
    )


def fixed_training_parts(graph: ModelGraph, training: Training) -> dict[str, Size]:
    """Return the bytes that are there during the whole step on each rank."""
    parts = fixed_parts(graph)
    held = parameters_of(graph)
    shares = {id(x): share_of(x.spec, training.shards) for x in held}
    others = dims.total(x.bytes - shares[id(x)].bytes for x in held)
    optimizer = optimizer_of(training.optimizer, training.accumulation)
    return {
        WEIGHTS: parts[WEIGHTS] - others,
        OPTIMIZER: state_bytes(optimizer, [shares[id(x)] for x in held if x.trainable]),
        INPUTS: parts[INPUTS],
    }


def among_ranks(run: TrainingRun, training: Training) -> Timeline:
    """Return the timeline of one rank: with the layers that FSDP gathers, or the buckets that DDP makes before the step.

    A gradient is copied into its bucket when it is computed, and is then a view of it, as fit has it (gradient_as_bucket_view).
    """
    timeline = run.moving
    if training.ranks == 1:
        return timeline
    if training.shards > 1:
        return Timeline(tuple(ShardedRun(run, training.shards).storages()), timeline.workspaces)
    last, found = len(timeline.workspaces) - 1, []
    for each in timeline.storages:
        if each.part != GRADIENTS:
            found.append(each)
        else:
            found += [replace(each, start=0, stop=last), replace(each, stop=each.start, part=OF_ACTIVATIONS)]
    return Timeline(tuple(found), timeline.workspaces)


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
        if training.parallel is Parallel.ddp:
            notes.append("DDP with gradient_as_bucket_view=True, as in fit: without it the gradients are there twice")
    return notes
