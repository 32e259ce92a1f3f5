"""ReduceLROnPlateau."""

from __future__ import annotations

from layercli.callbacks.callback import Logs
from layercli.callbacks.learning_rate_scheduler import note, rated
from layercli.callbacks.monitor_callback import MonitorCallback
from layercli.core.interactive_logging import say
from layercli.errors import UsageError


class ReduceLROnPlateau(MonitorCallback):
    """Reduce the learning rate when the monitored value has not improved, and log it as ``learning_rate``.

    Args:
        monitor: The name of the value in the logs.
        factor: The factor that the learning rate is multiplied by.
        patience: The number of epochs without improvement before a reduction.
        verbose: 1 to print the new learning rate on stderr, 0 for none.
        mode: "min", "max", or "auto" ("max" for accuracies and other scores).
        min_delta: The smallest change that counts as an improvement.
        cooldown: The number of epochs after a reduction that do not count.
        min_lr: The smallest learning rate.
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
        if self.number("factor", factor) >= 1:
            raise UsageError(f"ReduceLROnPlateau expects factor to be below 1, got {factor}")
        super().__init__(monitor, mode, min_delta)
        self.factor = factor
        self.patience = self.number("patience", patience)
        self.verbose = verbose
        self.cooldown = self.number("cooldown", cooldown)
        self.min_lr = self.number("min_lr", min_lr)
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start afresh."""
        self.best = self.initial
        self.wait = self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Return whether epochs do not count yet after the last reduction."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and lower the rate where patience is at its end."""
        note(self.model.optimizer, logs)
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._lower(epoch)

    def _lower(self, epoch: int) -> None:
        for name, optimizer in rated(self.model.optimizer):
            if float(optimizer.learning_rate) > self.min_lr:
                optimizer.learning_rate = max(float(optimizer.learning_rate) * self.factor, self.min_lr)
                self.cooldown_counter = self.cooldown
                self.wait = 0
                say(self.verbose, f"Epoch {epoch + 1}: {name} becomes {float(optimizer.learning_rate):.4g}")
