"""fit and evaluate on several ranks: each rank takes its shard of every batch, and decisions are made together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import torch

from layercli.callbacks.callback import Callback, overrides_hook
from layercli.callbacks.progress_reporter import ProgressReporter
from layercli.core.model import Model
from layercli.distribution.scope import distribution
from layercli.runtime.distributed import device_meshes, fsdp, layout_sharding, process_group
from layercli.runtime.distributed.ddp import replicated, without_gradient
from layercli.runtime.distributed.process_group import Group, running
from layercli.runtime.execution import eager_call
from layercli.runtime.training.batch_sharding import BatchShard
from layercli.runtime.training.data_adapters import Batch
from layercli.runtime.training.trainer import Trainer, trainer_of

R = TypeVar("R")

# DDP copies the gradients of 1x1 kernels, whose strides are not those of its buckets; a filter set for the length of
# one call would change those of other threads.
warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides", UserWarning)


def together(function: Callable[..., R]) -> Callable[..., R]:
    """Wrap ``fit`` or ``evaluate`` so that each batch is sharded among the ranks of the group."""

    @wraps(function)
    def run(model: Model, *args: Any, **kwargs: Any) -> R:
        joined = process_group.current()
        followed = distribution()
        device_meshes.check_distribution(followed, joined)
        if joined is None:
            return function(model, *args, **kwargs)
        trainer = trainer_of(model, function.__name__)
        apart = followed is not None and not followed.auto_shard_dataset
        before, trainer.part = trainer.part, BatchShard(joined, apart=apart)
        try:
            with at_once(joined), process_group.all_reduce_by(trainer.part.together), trainer.part.scope:
                return function(model, *args, **kwargs)
        finally:
            trainer.part = before

    return run


@contextmanager
def at_once(joined: Group | None) -> Iterator[None]:
    """Run the block with all ranks of a group, of which only the first writes files."""
    before, running.group = running.group, joined
    try:
        with process_group.noticing():
            yield
    finally:
        running.group = before


def begin(trainer: Trainer, batch: Batch, *, training: bool) -> None:
    """Prepare the ranks for batches like this one; DDP averages the gradients of a replicated model."""
    part, model = trainer.part, trainer.model
    if part is None:
        return
    part.device = eager_call.device_of(model) or torch.device("cpu")
    if training and not is_sharded(model):
        usual = type(model).train_step is Model.train_step
        unused = without_gradient(model, part.cut(batch)) if usual else set()
        trainer.reset()
        part.scope.enter_context(replicated(model, unused))


def is_sharded(model: Model) -> bool:
    """Return whether ranks hold parts of the variables of ``model``."""
    return fsdp.is_sharded(model) or layout_sharding.is_sharded(model)


def callbacks_for_rank(trainer: Trainer, callbacks: Iterable[Callback]) -> list[Callback]:
    """Return the callbacks for this rank: those that write files run on the first rank only."""
    given = list(callbacks)
    part = trainer.part
    if part is None:
        return given
    part.per_batch_logs = any(
        overrides_hook(each, hook)
        for each in given
        if not isinstance(each, ProgressReporter)  # the ranks exchange nothing for it
        for hook in ("on_train_batch_end", "on_test_batch_end")
    )
    return given if part.group.first else [each for each in given if not each.writes]


@contextmanager
def is_writer_rank(model: Model) -> Iterator[bool]:
    """Yield whether this process writes the file of ``model``; the other ranks wait until it is written.

    Ranks save together inside fit, and when the model is sharded among them: then the first rank writes.
    """
    joined = running.group or (process_group.current() if is_sharded(model) else None)
    yield joined is None or joined.first
    if joined is not None:
        joined.wait()
