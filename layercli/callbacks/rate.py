"""Callbacks that set the learning rate."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from layercli.callbacks.callback import Callback, Logs
from layercli.callbacks.monitor import Monitor
from layercli.errors import UsageError


class LearningRateScheduler(Callback):
    """Set the rate of each epoch to ``schedule(epoch, rate)``, or to ``schedule(epoch)`` if it takes but one argument."""

    def __init__(self, schedule: Callable[..., float]) -> None:
        self.schedule = schedule
        self.takes_rate = len(inspect.signature(schedule).parameters) > 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate."""
        optimizer = self.model.optimizer
        rate = self.schedule(epoch, optimizer.learning_rate) if self.takes_rate else self.schedule(epoch)
        if not isinstance(rate, float | int):
            raise UsageError(f"a learning-rate schedule gives a number, got {rate!r}")
        optimizer.learning_rate = float(rate)


class ReduceLROnPlateau(Callback):
    """Multiply the rate by ``factor`` when ``monitor`` has not been better for ``patience`` epochs, down to ``min_lr``.

    ``cooldown`` epochs after that do not count.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
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
        self.cooldown = cooldown
        self.min_lr = min_lr

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start afresh."""
        self.best = self.monitor.worst
        self.wait = 0
        self.resting = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and lower the rate where patience is at its end."""
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
                self._lower()

    def _lower(self) -> None:
        optimizer = self.model.optimizer
        if optimizer.learning_rate > self.min_lr:
            optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
            self.resting = self.cooldown
            self.wait = 0
