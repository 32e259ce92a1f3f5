"""A progress bar for loops of one's own."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

from layercli.core.interactive_logging import is_interactive_logging_enabled, say
from layercli.escaping import printable


class Progbar:
    """A progress bar with running means on stdout: ``bar.update(step, [("loss", value)])`` or ``bar.add(1, ...)``.

    Args:
        target: The number of steps; None if it is not known.
        width: The width of the bar.
        verbose: 0 for nothing, 1 for a bar, 2 for a line at the end.
        interval: The least number of seconds between two pictures.
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
        self.target, self.width, self.verbose, self.interval = target, width, verbose, interval
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self.unit_name = unit_name
        self._sums: dict[str, tuple[float, int]] = {}
        self._seen = 0
        self._start = time.monotonic()
        self._shown = 0.0

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Go to step ``current``; each value counts for the steps since the last call. ``finalize`` ends the bar."""
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            is_mean = name not in self.stateful_metrics and name in (self.stateless_metrics or {name})
            before, count = self._sums.get(name, (0.0, 0)) if is_mean else (0.0, 0)
            self._sums[name] = (before + float(value) * steps, count + steps)
        self._seen = current
        done = finalize if finalize is not None else self.target is not None and current >= self.target
        now = time.monotonic()
        if self.verbose == 0 or (not done and (self.verbose == 2 or now - self._shown < self.interval)):
            return
        self._shown = now
        if not is_interactive_logging_enabled():
            say(done, self.text(now - self._start))
            return
        is_bar = self.verbose == 1 and sys.stdout.isatty()
        if is_bar or done:
            sys.stdout.write(f"{chr(13) if is_bar else ''}{self.text(now - self._start)}{chr(10) if done else ''}")
            sys.stdout.flush()

    def add(self, n: int, values: Iterable[tuple[str, object]] | None = None) -> None:
        """Go ``n`` steps on."""
        self.update(self._seen + n, values)

    def text(self, seconds: float) -> str:
        """Return the line for this step."""
        head = f"{self._seen}/{self.target or '?'}"
        if self.target and self.verbose == 1:
            filled = min(self.width * self._seen // self.target, self.width)
            head += f" [{'=' * filled}{' ' * (self.width - filled)}]"
        each = seconds / max(self._seen, 1)
        head += f" {seconds:.0f}s {each * 1000:.0f}ms/{printable(self.unit_name)}"
        return head + "".join(f" - {printable(name)}: {total / n:.4f}" for name, (total, n) in self._sums.items())
