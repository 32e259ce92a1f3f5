"""BackupAndRestore."""

from __future__ import annotations

import os
from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.core.backend import get_backend
from layercli.core.paths import path_text
from layercli.errors import UsageError


class BackupAndRestore(Callback):
    """Back up the weights, the optimizer and the position in the data, and resume from a backup that exists.

    A resumed run takes the steps that the interrupted one would have taken (from the beginning of the epoch if ``x`` is a
    generator). Raises UsageError for an invalid argument, FormatError for the backup of another model, FileError while another
    process trains with the same folder.

    Args:
        backup_dir: The folder of the backups.
        save_freq: "epoch", or the number of batches between backups; after each batch for less than 1, as in Keras.
        double_checkpoint: Whether to keep the previous backup too, in case the last one cannot be read.
        delete_checkpoint: Whether to delete the backups when fit ends.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        self.backup_dir = path_text(backup_dir, "backup_dir")
        if not self.backup_dir:
            raise UsageError("BackupAndRestore expects backup_dir to name a folder, got ''")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise UsageError(f"save_freq is epoch or a number of batches, got {save_freq!r}")
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._backups: Any = None
        self._epoch = self._batches = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Take over the newest backup that can be read, if there is one."""
        self._backups = get_backend().backups(self.backup_dir, 2 if self.double_checkpoint else 1)
        self._backups.lock(self.model)
        self._backups.restore(self.model)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Make a backup every so many batches."""
        self._batches += 1
        if self.save_freq != "epoch" and self._batches % max(1, self.save_freq) == 0:
            ended = batch + 1 == self.params.get("steps")
            self._backups.add(self.model, self._epoch + ended, 0 if ended else batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Make a backup after the epoch."""
        if self.save_freq == "epoch":
            self._backups.add(self.model, epoch + 1, 0)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the backups, which are no longer needed."""
        if self.delete_checkpoint:
            self._backups.remove(self.model)
        self._backups.unlock()
