"""ProgbarLogger."""

from __future__ import annotations

from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.core.backend import get_backend


class ProgbarLogger(Callback):
    """Show a progress bar for each epoch on a terminal, or a line for each epoch elsewhere, both on stderr.

    fit then shows nothing of its own.

    Args:
        lines: Whether to print lines on a terminal too.
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
