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

BAR = 16
"""The width of a bar."""


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


class BarProgress(LineProgress):
    """A bar of a fixed width while an epoch runs, with steps, time left, time a step and the logs so far; then its line."""

    _bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.table import Column

        steps = self.params.get("steps")
        fixed = Column(no_wrap=True)
        logs_column = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        self._bar = Progress(
            TextColumn("{task.description}", table_column=fixed), BarColumn(BAR, table_column=fixed),
            MofNCompleteColumn(table_column=fixed), TextColumn("{task.fields[pace]}", table_column=fixed),
            TextColumn("{task.fields[logs]}", markup=False, table_column=logs_column),
            console=Console(stderr=True, highlight=False), expand=True, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(f"epoch {epoch + 1}/{self.params['epochs']}", total=steps, logs="", pace="")
        self._started = self._looked = time.perf_counter()
        self._bar.start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Update the bar a few times a second."""
        now = time.perf_counter()
        if now - self._looked < REFRESH:
            return
        self._looked = now
        steps, step = self.params.get("steps"), (now - self._started) / (batch + 1)
        left = f"{show_time(step * (steps - batch - 1))} left" if steps else show_time(now - self._started)
        self._bar.update(self._task, completed=batch + 1, logs=show(logs), pace=f"{left} {show_step(step)}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Print the line of the epoch in place of the bar."""
        self._bar.stop()
        super().on_epoch_end(epoch, logs)

    def close(self) -> None:
        """Restore the terminal, even if an epoch was interrupted."""
        if self._bar is not None:
            self._bar.stop()


def show_time(seconds: float) -> str:
    """Return a time as it is read from afar.

    >>> show_time(2.4), show_time(75), show_time(7500)
    ('2s', '1m15s', '2h05m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02}m"


def show_step(seconds: float) -> str:
    """Return the time of a step.

    >>> show_step(0.0071), show_step(2.5), show_step(0.00002)
    ('7ms/step', '2.5s/step', '20us/step')
    """
    if seconds >= 1:
        return f"{seconds:.3g}s/step"
    return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/step"
