"""Curves and bars in a line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

LEVELS = "▁▂▃▄▅▆▇█"
EIGHTHS = " ▏▎▍▌▋▊▉█"


def sparkline(values: Sequence[float], width: int = 0) -> str:
    """Return a character for each value, from the least to the greatest of them; a space for one that is not finite.

    More than ``width`` values are averaged in as many groups, if it is given.

    >>> sparkline([1, 2, 8, 4, float("nan"), 1]), sparkline([3, 3]), sparkline(range(100), 8)
    ('▁▂█▄ ▁', '▁▁', '▁▂▃▄▅▆▇█')
    """
    if width and len(values) > width:
        values = [mean(values[i * len(values) // width : (i + 1) * len(values) // width]) for i in range(width)]
    found = [value for value in values if math.isfinite(value)]
    low, high = (min(found), max(found)) if found else (0.0, 0.0)
    return "".join(level(value, low, high) if math.isfinite(value) else " " for value in values)


def mean(values: Sequence[float]) -> float:
    """Return the mean of the finite values, or NaN."""
    found = [value for value in values if math.isfinite(value)]
    return sum(found) / len(found) if found else math.nan


def level(value: float, low: float, high: float) -> str:
    """Return the character for a value between ``low`` and ``high``."""
    part = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0  # halves: their difference is finite
    return LEVELS[min(int(part * len(LEVELS)), len(LEVELS) - 1)]


def bar(share: float, width: int) -> str:
    """Return a bar of eighths for a share of ``width`` characters, padded with spaces.

    >>> bar(0.5, 4), bar(0.3, 2), bar(1.5, 2)
    ('██  ', '▋ ', '██')
    """
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    text = EIGHTHS[8] * (eighths // 8) + EIGHTHS[eighths % 8].strip()
    return text.ljust(width)
