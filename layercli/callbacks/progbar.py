"""A progress bar for loops of one's own; fit, evaluate and predict show theirs with it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from layercli.core.interactive_logging import draw, is_interactive_logging_enabled, messages, say
from layercli.errors import UsageError
from layercli.escaping import printable


class Progbar:
    """A progress bar on stdout: ``bar.update(step, [("loss", value)])`` or ``bar.add(1, ...)``; the text is Keras's.

    On a terminal the bar is drawn again every ``interval``; elsewhere it is printed once, when it ends, without control
    characters.

    Args:
        target: The number of steps; None if it is not known.
        width: The width of the bar.
        verbose: 0 for nothing, 1 for a bar, 2 for a line at the end.
        interval: The least number of seconds between two redraws.
        stateful_metrics: Names whose last value is shown, not the mean.
        stateless_metrics: Names whose mean is shown; given, all others are stateful.
        unit_name: What a step is.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise UsageError("Progbar takes stateful_metrics or stateless_metrics, not both")
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.stateful = set(stateful_metrics or ())
        self.stateless = None if stateless_metrics is None else set(stateless_metrics)
        self.unit_name = unit_name
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen = self._drawn = 0
        self._start = time.monotonic()
        self._after_first: float | None = None
        self._shown = float("-inf")

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Go to step ``current``; a value counts for the steps since the last call, and alone with ``finalize``.

        ``finalize`` ends the bar; by default it ends at ``target``.
        """
        done = finalize if finalize is not None else self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            averaged = name not in self.stateful if self.stateless is None else name in self.stateless
            before, count = self._sums.get(name, (0.0, 0)) if averaged and not done else (0.0, 0)
            self._sums[name] = (before + float(np.mean(value)) * steps, count + steps)
        self._seen = current
        now = time.monotonic()
        each = self._seconds_of_step(now)
        if self.verbose == 2 and done and self.target:
            self._show(f"{self._count()} - {now - self._start:.0f}s -", self._pace(each), done)
        elif self.verbose == 1 and (done or self.is_due()):
            self._shown = now
            left = now - self._start if done or not self.target else each * (self.target - current)
            head = f"{self._count()} {self._bar()}" if self.target else f"{current:7d}/Unknown"
            self._show(head, f"{show_time(left)} {self._pace(each)}", done)

    def add(self, n: int, values: Iterable[tuple[str, object]] | None = None) -> None:
        """Go ``n`` steps on."""
        self.update(self._seen + n, values)

    def is_due(self) -> bool:
        """Whether the bar is drawn again now, before it ends."""
        return is_live() and time.monotonic() - self._shown >= self.interval

    def _count(self) -> str:
        return f"{self._seen:{len(str(self.target))}d}/{self.target}"

    def _bar(self) -> str:
        filled = min(self.width * self._seen // (self.target or 1), self.width)
        return "━" * filled + "─" * (self.width - filled)

    def _seconds_of_step(self, now: float) -> float:
        """Return the seconds of a step, after the first one without it, because it is slower."""
        if self._after_first is not None and self._seen > 1:
            return (now - self._after_first) / (self._seen - 1)
        if self._seen == 1:
            self._after_first = now
        return (now - self._start) / self._seen if self._seen else 0.0

    def _pace(self, seconds: float) -> str:
        """Return the time of a step and the values so far."""
        values = "".join(f" - {printable(name)}: {show_value(total / n)}" for name, (total, n) in self._sums.items())
        return f"{show_pace(seconds)}/{printable(self.unit_name)}{values}"

    def _show(self, head: str, rest: str, done: bool) -> None:
        """Print or log the line when the bar ends; on a terminal draw the bar over the last one, until then cut to the width."""
        line = f"{head} {rest}"
        if self.verbose == 2 or not is_live():
            say(done, line)
            return
        if not done:
            line = line[: shutil.get_terminal_size().columns - 1]
        padding = " " * max(self._drawn - len(line), 0)
        self._drawn = len(line)
        draw(f"\r{line}{padding}", ends=done)


def is_live() -> bool:
    """Whether a line can be drawn again: messages go to a terminal."""
    return is_interactive_logging_enabled() and messages().isatty()


def show_time(seconds: float) -> str:
    """Return a time in seconds, minutes and hours, as Keras shows it.

    >>> show_time(2.4), show_time(75), show_time(7500)
    ('2s', '1:15', '2:05:00')
    """
    minutes, rest = divmod(round(seconds), 60)
    if seconds <= 60:
        return f"{seconds:.0f}s"
    return f"{minutes}:{rest:02d}" if seconds <= 3600 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def show_pace(seconds: float) -> str:
    """Return the time of a step, as Keras shows it.

    >>> show_pace(0.0), show_pace(0.0071), show_pace(2.5), show_pace(0.00002)
    ('0s', '7ms', '2s', '20us')
    """
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def show_value(value: float) -> str:
    """Return a value with four decimals, a small one with its exponent.

    >>> show_value(0.25), show_value(0.00025)
    ('0.2500', '2.5000e-04')
    """
    return f"{value:.4f}" if abs(value) > 1e-3 else f"{value:.4e}"
