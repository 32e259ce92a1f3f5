"""ModelCheckpoint."""

from __future__ import annotations

import os
from typing import Any

from layercli.callbacks.callback import Logs
from layercli.callbacks.monitor_callback import MonitorCallback
from layercli.core.interactive_logging import say
from layercli.core.paths import path_text
from layercli.errors import UsageError


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, during training.

    Raises UsageError for an unknown file extension.

    Args:
        filepath: The path of the file, which may hold {epoch} (from 1) and names of logs, as in {val_loss:.2f}.
        monitor: The name of the value in the logs that save_best_only compares.
        verbose: 1 to print a message on stderr, 0 for none.
        save_best_only: Whether to save only when the monitored value has improved.
        save_weights_only: Whether to save the weights (.weights.h5, .safetensors) instead of the model (.keras).
        mode: "min", "max", or "auto" ("max" for accuracies and other scores).
        save_freq: "epoch", or the number of batches between saves; after each batch for less than 1, as in Keras.
        initial_value_threshold: A value that the first save must improve on; None for none.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.filepath = path_text(filepath)
        super().__init__(monitor, mode)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        if initial_value_threshold is not None:
            self.best = self.number("initial_value_threshold", initial_value_threshold)
        endings = (".weights.h5", ".safetensors") if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise UsageError(
                f"ModelCheckpoint expects filepath to end in {' or '.join(endings)}, got {self.filepath!r}"
            )
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise UsageError(f"save_freq is epoch or a number of batches, got {save_freq!r}")
        self._epoch = self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save every so many batches."""
        self._batches += 1
        if self.save_freq != "epoch" and self._batches % max(1, self.save_freq) == 0:
            self._save(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(logs)

    def _save(self, logs: Logs | None) -> None:
        if self.save_best_only:
            value = self.get_monitor_value(logs)
            if value is None or not self.is_better(value, self.best):
                return
            self.best = value
        path = self.filepath.format(epoch=self._epoch + 1, **(logs or {})) if "{" in self.filepath else self.filepath
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        say(self.verbose, f"Epoch {self._epoch + 1}: saved {path}")
