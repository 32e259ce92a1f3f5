"""Statistics of repeated timings: quantiles, warnings, and confidence intervals of ratios."""

from __future__ import annotations

import math
import re

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.formats.json_numbers import json_number

WIDE = 0.1
"""Above this ratio of interquartile range to median, the times vary widely."""
DRIFT = 0.05
"""Above this relative difference between the last and first third, the times drift."""
RESAMPLES = 2000
FEWEST = 6
"""With fewer runs, all of them fall on one side of the true median with probability above 5%: no 95% interval exists."""


@dataclass(frozen=True)
class RepeatedRuns:
    """How often to measure: a number of runs, or a number of seconds."""

    count: int | None = None
    seconds: float | None = None

    @staticmethod
    def parse(text: str) -> RepeatedRuns:
        """Return the repetition for ``text``: ``30``, ``5s`` or ``0.5s``.

        >>> RepeatedRuns.parse("5s")
        RepeatedRuns(count=None, seconds=5.0)
        """
        if re.fullmatch(r"\d+", text) and int(text) > 0:
            return RepeatedRuns(count=int(text))
        if re.fullmatch(r"\d+([.]\d+)?s", text) and float(text[:-1]) > 0:
            return RepeatedRuns(seconds=float(text[:-1]))
        raise UsageError(f"--repeat is a number of runs or of seconds, 30 or 5s, got {text!r}")

    def wants(self, done: int, seconds: float) -> bool:
        """Whether to measure another run."""
        return done < self.count if self.count is not None else not done or seconds < (self.seconds or 0)


@dataclass(frozen=True)
class TimingSamples:
    """The seconds of each run, in order."""

    seconds: list[float]

    def quantile(self, share: float) -> float:
        """Return the quantile of the times, interpolated linearly.

        >>> TimingSamples([1.0, 2.0, 3.0, 4.0]).quantile(0.5)
        2.5
        """
        import numpy as np

        return float(np.quantile(self.seconds, share))

    def figures(self) -> dict[str, float]:
        """Return the summary figures by name, in seconds; ``std`` is the population standard deviation."""
        import numpy as np

        return {
            "minimum": min(self.seconds),
            "median": self.quantile(0.5),
            "p90": self.quantile(0.9),
            "p99": self.quantile(0.99),
            "mean": float(np.mean(self.seconds)),
            "std": float(np.std(self.seconds)),
        }

    def warnings(self) -> list[str]:
        """Return the reasons to doubt the figures, one sentence each."""
        found = []
        spread = (self.quantile(0.75) - self.quantile(0.25)) / self.quantile(0.5)
        if spread > WIDE:
            found.append(f"the times vary widely: the middle half spans {spread:.0%} of the median")
        third = len(self.seconds) // 3
        if third >= 3:
            first, last = TimingSamples(self.seconds[:third]), TimingSamples(self.seconds[-third:])
            drift = last.quantile(0.5) / first.quantile(0.5)
            if abs(drift - 1) > DRIFT:
                found.append(f"the times drift: the last third took {drift:.2f}x the first")
        return found

    def to_json(self) -> JSONObject:
        """Return the figures and every sample, in seconds."""
        return {**self.figures(), "samples": self.seconds, "warnings": self.warnings()}


@dataclass(frozen=True)
class Slowdown:
    """The ratio of the median times of two programs, and its 95% confidence interval."""

    ratio: float
    low: float
    high: float
    at_most: float

    @property
    def verdict(self) -> str:
        """``within`` or ``slower`` if the whole interval is on one side of the limit, else ``inconclusive``."""
        if self.high <= self.at_most:
            return "within"
        return "slower" if self.low > self.at_most else "inconclusive"

    @property
    def code(self) -> int:
        """The exit code: 0 within, 1 slower, 3 inconclusive."""
        return {"within": 0, "slower": 1, "inconclusive": 3}[self.verdict]

    def to_json(self) -> JSONObject:
        """Return the comparison as JSON has it."""
        return {
            "ratio": self.ratio,
            "interval": [self.low, json_number(self.high)],
            "max_slowdown": self.at_most,
            "verdict": self.verdict,
        }


def slowdown(ours: TimingSamples, theirs: TimingSamples, at_most: float) -> Slowdown:
    """Return the ratio of the medians of alternating runs, with a percentile bootstrap over pairs of runs.

    With too few runs the interval is unbounded.
    """
    import numpy as np

    pairs = np.array([ours.seconds, theirs.seconds])
    ratio = float(np.median(pairs[0]) / np.median(pairs[1]))
    if pairs.shape[1] < FEWEST:
        return Slowdown(ratio, 0.0, math.inf, at_most)
    drawn = np.random.default_rng(0).integers(0, pairs.shape[1], (RESAMPLES, pairs.shape[1]))
    medians = np.median(pairs[:, drawn], axis=2)
    low, high = np.quantile(medians[0] / medians[1], [0.025, 0.975])
    return Slowdown(ratio, float(low), float(high), at_most)
