"""fit and evaluate of a process that is one of several: each takes its part of every batch, and they decide together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import torch

from layercli.callbacks.callback import Callback, overrides_hook
from layercli.core.model import Model
from layercli.ops.nn import batch_norm_stats
from layercli.runtime.distributed import fsdp, process_group
from layercli.runtime.distributed.ddp import replicated, without_gradient
from layercli.runtime.distributed.process_group import Group
from layercli.runtime.execution import eager_call
from layercli.runtime.training.batch_sharding import BatchShard
from layercli.runtime.training.data_adapters import Batch
from layercli.runtime.training.trainer import Trainer, trainer_of

R = TypeVar("R")

running: Group | None = None
"""The group whose ranks are in fit or evaluate together."""


def together(function: Callable[..., R]) -> Callable[..., R]:
    """Return ``fit`` or ``evaluate`` so that in a group of ranks its batches are shared out among them."""

    @wraps(function)
    def run(model: Model, *args: Any, **kwargs: Any) -> R:
        joined = process_group.current()
        if joined is None:
            return function(model, *args, **kwargs)
        trainer = trainer_of(model, function.__name__)
        before, trainer.part = (trainer.part, batch_norm_stats.together), BatchShard(joined)
        batch_norm_stats.together = trainer.part.together
        try:
            with at_once(joined), unconcerned(), trainer.part.scope:
                return function(model, *args, **kwargs)
        finally:
            trainer.part, batch_norm_stats.together = before

    return run


@contextmanager
def at_once(joined: Group | None) -> Iterator[None]:
    """Say that the ranks of a group do all that follows together, which of them one only may be to write a file."""
    global running
    before, running = running, joined
    try:
        with process_group.noticing():
            yield
    finally:
        running = before


@contextmanager
def unconcerned() -> Iterator[None]:
    """Keep torch from warning of gradients that it copies: those of a kernel of 1x1 lie otherwise than DDP would like."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides", UserWarning)
        yield


def begin(trainer: Trainer, batch: Batch, *, training: bool) -> None:
    """Make the ranks ready for batches like this one: where a model is whole on each, DDP sees to its gradients."""
    part, model = trainer.part, trainer.model
    if part is None:
        return
    part.device = eager_call.device_of(model) or torch.device("cpu")
    if training and not fsdp.is_sharded(model):
        usual = type(model).train_step is Model.train_step
        unused = without_gradient(model, part.cut(batch)) if usual else set()
        trainer.reset()
        part.scope.enter_context(replicated(model, unused))


def callbacks_for_rank(trainer: Trainer, callbacks: Iterable[Callback]) -> list[Callback]:
    """Return the callbacks that are told on this rank: those that write files themselves only on the first."""
    given = list(callbacks)
    part = trainer.part
    if part is None:
        return given
    part.heard = any(
        overrides_hook(each, hook) for each in given for hook in ("on_train_batch_end", "on_test_batch_end")
    )
    return given if part.group.first else [each for each in given if not each.writes]


@contextmanager
def is_writer_rank(model: Model) -> Iterator[bool]:
    """Give whether this process writes the file of ``model``; ranks that save it together go on when it is written.

    Together save those in fit, and those that hold a part of the model each: the first of them writes.
    """
    joined = running or (process_group.current() if fsdp.is_sharded(model) else None)
    yield joined is None or joined.first
    if joined is not None:
        joined.wait()
