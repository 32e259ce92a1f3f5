"""Training progress on stderr: a bar per epoch on a terminal, a line per epoch off it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.escaping import printable

REFRESH = 0.25
"""Seconds between two reads of the logs; a read waits for the device."""


class ProgressReporter(Callback):
    """Shows the progress of epochs."""

    def close(self) -> None:
        """Restore the terminal, even if an epoch was interrupted."""


def reporter(*, lines: bool) -> ProgressReporter:
    """Return the progress display that suits stderr."""
    return LineProgress() if lines or not sys.stderr.isatty() else BarProgress()


def show(logs: Mapping[str, Any] | None) -> str:
    """Return logs as text: the loss, the others by name, then those of the validation.

    >>> show({"accuracy": 0.5, "loss": 2.0, "val_loss": 0.25})
    'loss 2  accuracy 0.5  val_loss 0.25'
    """
    found = logs or {}
    names = sorted(found, key=lambda name: (name.startswith("val_"), name.removeprefix("val_") != "loss", name))
    return "  ".join(f"{printable(name)} {found[name]:.4g}" for name in names if isinstance(found[name], float | int))


class LineProgress(ProgressReporter):
    """One line per epoch: its number, the logs and the seconds it took."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the start time."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Print the line."""
        took = time.perf_counter() - self._started
        print(f"epoch {epoch + 1}/{self.params['epochs']}  {show(logs)}  {took:.1f} s", file=sys.stderr, flush=True)


class BarProgress(ProgressReporter):
    """One bar per epoch: steps, rate, remaining time and the logs."""

    _bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the bar."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        steps = self.params.get("steps")
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[logs]}", markup=False),
            console=Console(stderr=True, highlight=False),
        )  # fmt: skip
        self._task = self._bar.add_task(f"epoch {epoch + 1}/{self.params['epochs']}", total=steps, logs="", rate="")
        self._started = self._looked = time.perf_counter()
        self._bar.start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Update the bar a few times a second."""
        now = time.perf_counter()
        if now - self._looked < REFRESH:
            return
        self._looked = now
        rate = f"{(batch + 1) / (now - self._started):.0f}/s"
        self._bar.update(self._task, completed=batch + 1, logs=show(logs), rate=rate)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Complete the bar and leave it visible."""
        total = self.params.get("steps")
        self._bar.update(self._task, completed=total or 1, total=total or 1, logs=show(logs))
        self._bar.stop()

    def close(self) -> None:
        """Restore the terminal, even if an epoch was interrupted."""
        if self._bar is not None:
            self._bar.stop()
