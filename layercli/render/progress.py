"""Training progress: of the command on stderr, a bar per epoch on a terminal and a line off it; in a notebook one live bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from layercli.callbacks.callback import Logs
from layercli.callbacks.progbar_logger import ProgbarLogger
from layercli.callbacks.progress_reporter import ProgressReporter
from layercli.core.interactive_logging import is_interactive_logging_enabled, say
from layercli.escaping import printable
from layercli.render.sparkline import bar
from layercli.render.text_width import text_width

REFRESH = 0.25
"""Seconds between two reads of the logs; a read waits for the device."""

BAR = 16
"""The width of a bar."""

SHORT_BAR = 6
"""The width of a bar on a terminal of fewer than 72 columns: room for the loss."""


def of_command(*, lines: bool) -> ProgressReporter:
    """Return what shows the progress of a command on stderr: lines, or a bar on a terminal."""
    return LineProgress() if lines or not sys.stderr.isatty() else BarProgress()


def of_fit(verbose: object) -> ProgressReporter:
    """Return what shows the progress of ``fit``: one live line in a notebook, else Keras's bar and lines."""
    live = verbose != 2 and is_interactive_logging_enabled() and in_notebook()
    return NotebookProgress() if live else ProgbarLogger()


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this."""
    found = sys.modules.get("IPython")
    shell = found.get_ipython() if found is not None else None
    return hasattr(shell, "kernel")


def show(logs: Mapping[str, object] | None) -> str:
    """Return logs as text: the loss, the others by name, then those of the validation.

    >>> show({"accuracy": 0.5, "loss": 2.0, "val_loss": 0.25})
    'loss 2  accuracy 0.5  val_loss 0.25'
    """
    return "  ".join(metrics(logs))


def metrics(logs: Mapping[str, object] | None) -> list[str]:
    """Return the name and the value of each number of the logs, in the order of ``show``."""
    found = logs or {}
    names = sorted(found, key=lambda name: (name.startswith("val_"), name.removeprefix("val_") != "loss", name))
    return [f"{printable(name)} {found[name]:.4g}" for name in names if isinstance(found[name], float | int)]


def wrapped(parts: Sequence[str], width: int) -> list[str]:
    """Return parts of a line, two spaces apart, on as many lines as they need; all but the first start below its second part.

    >>> wrapped(["epoch 1/2", "loss 2.5", "accuracy 0.5"], 24)
    ['epoch 1/2  loss 2.5', '           accuracy 0.5']
    """
    found = [parts[0]]
    below = " " * text_width(parts[0])
    for part in parts[1:]:
        if found[-1] != below and text_width(f"{found[-1]}  {part}") > width:
            found.append(below)
        found[-1] += f"  {part}"
    return found


class LineProgress(ProgressReporter):
    """One line per epoch: its number, the logs and the seconds it took."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Record the start time."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Print the line, or log it."""
        say(1, "  ".join(self.parts(epoch, logs)))

    def parts(self, epoch: int, logs: Logs | None) -> list[str]:
        """Return the parts of the line about a finished epoch."""
        return [self.name(epoch), *metrics(logs), f"{time.perf_counter() - self._started:.1f} s"]

    def name(self, epoch: int) -> str:
        """Return the number of an epoch, of how many."""
        return f"epoch {epoch + 1}/{self.params['epochs']}"

    def pace(self, now: float, batch: int) -> str:
        """Return the time that is left, or that it took so far, and the time of a step."""
        steps, step = self.params.get("steps"), (now - self._started) / (batch + 1)
        left = f"{show_time(step * (steps - batch - 1))} left" if steps else show_time(now - self._started)
        return f"{left} {show_step(step)}"


class BarProgress(LineProgress):
    """A bar of a fixed width while an epoch runs, with steps, time left, time a step and the logs that fit; then its line."""

    _bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        console = Console(stderr=True, highlight=False)
        self._bar_width = BAR if console.width >= 72 else SHORT_BAR
        fixed, rest = Column(no_wrap=True), Column(no_wrap=True, ratio=1)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False, table_column=fixed),
            BarColumn(self._bar_width, table_column=fixed),
            TextColumn("{task.fields[text]}", markup=False, table_column=rest),
            console=console, expand=True, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(self.name(epoch), total=self.params.get("steps"), text="")
        self._started = self._looked = time.perf_counter()
        self._bar.start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Update the bar a few times a second."""
        now, steps = time.perf_counter(), self.params.get("steps")
        if now - self._looked < REFRESH:
            return
        self._looked = now
        count = f"{batch + 1:>{len(str(steps))}}/{steps}" if steps else f"{batch + 1}"
        room = self._bar.console.width - text_width(self._bar.tasks[0].description) - self._bar_width - 2
        text = wrapped([f"{count} {self.pace(now, batch)}", *metrics(logs)], room)[0]
        self._bar.update(self._task, completed=batch + 1, text=text)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Print the line of the epoch in place of the bar; what a line has no room for goes below it."""
        self._bar.stop()
        for line in wrapped(self.parts(epoch, logs), self._bar.console.width):
            say(1, line)

    def close(self) -> None:
        """Restore the terminal, even if an epoch was interrupted."""
        if self._bar is not None:
            self._bar.stop()


class NotebookProgress(LineProgress):
    """One line of a notebook's output, drawn again a few times a second: a bar of the epoch, then the logs of the last one."""

    _output: Any = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the bar of the epoch in the place of the one before it."""
        self._epoch = epoch
        self._started = self._looked = time.perf_counter()
        self._draw(f"{self.name(epoch)}  {bar(0, BAR)}")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Draw the bar a few times a second."""
        now, steps = time.perf_counter(), self.params.get("steps")
        if now - self._looked < REFRESH:
            return
        self._looked = now
        drawn = f"{bar((batch + 1) / steps, BAR)} {batch + 1}/{steps}" if steps else f"{batch + 1}"
        self._draw(f"{self.name(self._epoch)}  {drawn}  {self.pace(now, batch)}  {show(logs)}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Draw the line of the epoch in the place of the bar."""
        self._draw("  ".join(self.parts(epoch, logs)))

    def _draw(self, text: str) -> None:
        from IPython.display import display

        shown = {"text/plain": text}
        if self._output is None:
            self._output = display(shown, raw=True, display_id=True)
        else:
            self._output.update(shown, raw=True)


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
