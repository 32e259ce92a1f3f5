"""ProgbarLogger."""

from __future__ import annotations

from operator import index
from typing import SupportsIndex

from layercli.callbacks.callback import Logs
from layercli.callbacks.progbar import Progbar
from layercli.callbacks.progress_reporter import ProgressReporter
from layercli.core.interactive_logging import end_line, say
from layercli.errors import UsageError


class ProgbarLogger(ProgressReporter):
    """Show the progress of each epoch, of an evaluation or of predict, as ``verbose`` of fit, evaluate or predict says.

    Given to fit, it takes the place of fit's own.
    """

    _bar: Progbar | None = None
    _seen = 0
    _in_fit = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Show no validation."""
        self._in_fit = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Show evaluations again."""
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Print the number of the epoch if there are several, and start the bar."""
        if (epochs := self.params.get("epochs", 1)) > 1:
            say(self._verbose, f"Epoch {epoch + 1}/{epochs}")
        self._start()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Start the bar of an evaluation."""
        if not self._in_fit:
            self._start()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Start the bar of predict."""
        self._start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar."""
        self._move(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar of an evaluation."""
        if not self._in_fit:
            self._move(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move the bar of predict."""
        self._move(batch, None)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """End the bar, or print the line of the epoch."""
        self._end(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """End the bar of an evaluation."""
        if not self._in_fit:
            self._end(logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """End the bar of predict."""
        self._end(None)

    def close(self) -> None:
        """End the line of a bar that was not finished."""
        end_line()
        self._bar, self._in_fit = None, False

    @property
    def _verbose(self) -> int:
        verbose = self.params.get("verbose", 1)
        if verbose == "auto":
            return 1
        if not isinstance(verbose, SupportsIndex | None):
            raise UsageError(f"verbose is 0, 1, 2 or 'auto', got {verbose!r}")
        return index(verbose or 0)

    def _start(self) -> None:
        self._seen = 0
        self._bar = Progbar(self.params.get("steps"), verbose=self._verbose, stateless_metrics=())

    def _move(self, batch: int, logs: Logs | None) -> None:
        """Go to the step after ``batch``; logs are read only to draw it again, because a read waits for the device."""
        self._seen = batch + 1
        if self._bar is not None:
            self._bar.update(self._seen, (logs or {}).items() if self._bar.is_due() else None, finalize=False)

    def _end(self, logs: Logs | None) -> None:
        if self._bar is not None:
            self._bar.target = self._bar.target or self._seen
            self._bar.update(self._bar.target, (logs or {}).items(), finalize=True)
        self._bar = None
