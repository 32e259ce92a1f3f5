"""Time candidates alternately, so that a slow phase of the machine affects all of them."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One line of the report: layercli against a peer, as a ratio of medians of paired runs, and its limit."""

    what: str
    peer: str
    ours: str
    theirs: str
    ratio: float | None
    at_most: float | None

    @property
    def verdict(self) -> str:
        if self.ratio is None or self.at_most is None:
            return ""
        return "ok" if self.ratio <= self.at_most else "MISSED"


def times(
    candidates: dict[str, Callable[[], object]], rounds: int, calls: int = 1, warmup: int = 3
) -> dict[str, list[float]]:
    """Return seconds per call of every candidate, one figure per round.

    The order changes in each round, because the candidate after a large model finds none of its data in the caches.
    """
    for run in candidates.values():
        for _ in range(warmup):
            run()
    found: dict[str, list[float]] = {name: [] for name in candidates}
    order = random.Random(0)
    for _ in range(rounds):
        for name in order.sample(list(candidates), len(candidates)):
            run = candidates[name]
            start = time.perf_counter()
            for _ in range(calls):
                run()
            found[name].append((time.perf_counter() - start) / calls)
    return found


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the paired ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


@dataclass(frozen=True)
class Process:
    """The wall time of a process in seconds, and its peak resident memory in bytes."""

    seconds: float
    memory: int


def process(command: list[str], environment: dict[str, str] | None = None) -> Process:
    """Run a command to its end without its output; RuntimeError if it fails."""
    start = time.perf_counter()
    child = os.posix_spawnp(
        command[0],
        command,
        {**os.environ, **(environment or {})},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {status}")
    return Process(time.perf_counter() - start, usage.ru_maxrss * 1024)


def milliseconds(values: list[float]) -> str:
    return f"{statistics.median(values) * 1e3:.1f} ms"


def microseconds(values: list[float]) -> str:
    return f"{statistics.median(values) * 1e6:.1f} us"
