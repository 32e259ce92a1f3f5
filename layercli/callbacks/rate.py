"""Callbacks that set the learning rate."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from layercli.callbacks.callback import Callback, Logs, record, say
from layercli.callbacks.monitor import Monitor
from layercli.errors import UsageError


class LearningRateScheduler(Callback):
    """Set the rate of each epoch to ``schedule(epoch, rate)``, or to ``schedule(epoch)`` if it takes but one argument.

    The rate is noted in the logs as ``learning_rate``; ``verbose`` says it on stderr.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule = schedule
        self.verbose = verbose
        self.takes_rate = len(inspect.signature(schedule).parameters) > 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate."""
        for name, optimizer in rated(self.model.optimizer):
            rate = self.schedule(epoch, optimizer.learning_rate) if self.takes_rate else self.schedule(epoch)
            if not isinstance(rate, float | int):
                raise UsageError(f"a learning-rate schedule gives a number, got {rate!r}")
            optimizer.learning_rate = float(rate)
            say(self.verbose, f"epoch {epoch + 1}: {name} is {rate:.4g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the rate."""
        note(self.model.optimizer, logs)


class ReduceLROnPlateau(Callback):
    """Multiply the rate by ``factor`` when ``monitor`` has not been better for ``patience`` epochs, down to ``min_lr``.

    ``cooldown`` epochs after that do not count. The rate is noted in the logs as ``learning_rate``; ``verbose`` says on
    stderr what it becomes.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        if factor >= 1:
            raise UsageError(f"ReduceLROnPlateau expects factor to be below 1, got {factor}")
        self.monitor = Monitor("ReduceLROnPlateau", monitor, mode, min_delta)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start afresh."""
        self.best = self.monitor.worst
        self.wait = 0
        self.resting = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and lower the rate where patience is at its end."""
        note(self.model.optimizer, logs)
        value = self.monitor.value(logs)
        if self.resting:
            self.resting -= 1
            self.wait = 0
        if self.monitor.better(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.resting:
            self.wait += 1
            if self.wait >= self.patience:
                self._lower(epoch)

    def _lower(self, epoch: int) -> None:
        for name, optimizer in rated(self.model.optimizer):
            if optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.resting = self.cooldown
                self.wait = 0
                say(self.verbose, f"epoch {epoch + 1}: {name} becomes {optimizer.learning_rate:.4g}")


def rated(optimizer: Any) -> Iterator[tuple[str, Any]]:
    """Yield every optimizer that has a learning rate, with the name of its rate in the logs."""
    if hasattr(optimizer, "optimizers"):
        yield from ((f"learning_rate_{each.name}", each) for each in optimizer.optimizers)
    else:
        yield "learning_rate", optimizer


def note(optimizer: Any, logs: Logs | None) -> None:
    """Add the learning rates to the logs of an epoch."""
    for name, each in rated(optimizer):
        record(logs, name, float(each.learning_rate))
