"""LearningRateScheduler."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.callbacks.callback_list import record
from layercli.core.interactive_logging import say
from layercli.errors import UsageError


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch, and log it as ``learning_rate``.

    Args:
        schedule: A function of the epoch and the learning rate, or of the epoch alone.
        verbose: 1 to print the learning rate on stderr, 0 for none.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule = schedule
        self.verbose = verbose
        self.takes_rate = len(inspect.signature(schedule).parameters) > 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate."""
        for name, optimizer in rated(self.model.optimizer):
            rate = self.schedule(epoch, float(optimizer.learning_rate)) if self.takes_rate else self.schedule(epoch)
            if not isinstance(rate, float | int):
                raise UsageError(f"a learning-rate schedule gives a number, got {rate!r}")
            optimizer.learning_rate = float(rate)
            say(self.verbose, f"Epoch {epoch + 1}: {name} is {rate:.4g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the rate."""
        note(self.model.optimizer, logs)


def rated(optimizer: object) -> Iterator[tuple[str, Any]]:
    """Yield every optimizer that has a learning rate, with the name of its rate in the logs."""
    if hasattr(optimizer, "optimizers"):
        yield from ((f"learning_rate_{each.name}", each) for each in optimizer.optimizers)
    else:
        yield "learning_rate", optimizer


def note(optimizer: object, logs: Logs | None) -> None:
    """Add the learning rates to the logs of an epoch."""
    for name, each in rated(optimizer):
        record(logs, name, float(each.learning_rate))
