"""EarlyStopping."""

from __future__ import annotations

from typing import Any

from layercli.callbacks.callback import Logs
from layercli.callbacks.monitor_callback import MonitorCallback
from layercli.core.interactive_logging import say


class EarlyStopping(MonitorCallback):
    """Stop training when the monitored value has not improved for ``patience`` epochs.

    Args:
        monitor: The name of the value in the logs.
        min_delta: The smallest change that counts as an improvement.
        patience: The number of epochs without improvement after which training stops.
        verbose: 1 to print a message on stderr, 0 for none.
        mode: "min", "max", or "auto" ("max" for accuracies and other scores).
        baseline: A value that must be improved on; None for none.
        restore_best_weights: Whether to restore the weights of the best epoch at the end.
        start_from_epoch: The number of epochs to wait before monitoring.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = self.number("patience", patience)
        self.verbose = verbose
        self.baseline = None if baseline is None else self.number("baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = self.number("start_from_epoch", start_from_epoch)
        self._reset()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset the state."""
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = self.initial
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the value with the best one; stop if patience is exhausted."""
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.is_better(value, self.best):
            self.best = value
            if self.restore_best_weights:
                self._keep(epoch)
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights, if they were kept."""
        if self.stopped_epoch:
            say(
                self.verbose,
                f"Epoch {self.stopped_epoch + 1}: {self.monitor} is no better than {self.best:.4g}, which ends fit",
            )
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)
            say(self.verbose, f"The weights of epoch {self.best_epoch + 1} are put back")

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        self.best_weights = self.model.get_weights()
