"""How an epoch goes, as a callback to give to fit: what fit shows by itself unless it is told to be silent."""

from __future__ import annotations

from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.core.backend import get_backend


class ProgbarLogger(Callback):
    """A Rich bar per epoch on a terminal (steps, rate, time left, logs), one line per epoch off it, both on stderr.

    ``lines`` gives lines on a terminal too. fit shows nothing of its own beside it.
    """

    writes = True

    def __init__(self, lines: bool = False) -> None:
        self.lines = lines
        self._shown: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Look at where stderr goes."""
        self._shown = get_backend().progress_bar(lines=self.lines)
        self._shown.set_params(self.params)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the bar."""
        self._shown.on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar, a few times a second."""
        self._shown.on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Fill the bar, or print the line."""
        self._shown.on_epoch_end(epoch, logs)

    def close(self) -> None:
        """Give the terminal back, also where an epoch was not finished."""
        if self._shown is not None:
            self._shown.close()
