"""Quantities as people write them: 24GiB, 80 GB, 30M, 4.2G, 1%."""

from __future__ import annotations

import math
import re

from layercli.errors import UsageError

NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\s*([a-z]*)", re.IGNORECASE)
BYTES = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
COUNTS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}


def bytes_in(text: str, option: str, example: str = "24GiB") -> int:
    """Return the bytes that a size stands for; UsageError, which gives an ``example``, unless it is a size above zero.

    >>> bytes_in("24GiB", "--memory")
    25769803776
    """
    return _read(text, option, BYTES, f"a size such as {example}", "units: B KB MB GB TB KiB MiB GiB TiB")


def count_in(text: str, option: str) -> int:
    """Return the number that ``30M`` or ``4.2G`` stands for; UsageError unless it is a number above zero."""
    return _read(text, option, COUNTS, "a number such as 30M", "units: K M G T")


def share_in(text: str, option: str) -> float:
    """Return the share that ``1%`` stands for."""
    number = NUMBER.fullmatch(text.strip().removesuffix("%").strip())
    if number is None or number[2] or not text.strip().endswith("%"):
        raise UsageError(f"{option} expects a percentage such as 1%, got {text!r}")
    return float(number[1]) / 100


def _read(text: str, option: str, units: dict[str, int], wanted: str, hint: str) -> int:
    found = NUMBER.fullmatch(text.strip().removeprefix("-"))
    if found is None or found[2].lower() not in units:
        raise UsageError(f"{option} expects {wanted}, got {text!r}", hint=hint)
    value = float(found[1]) * units[found[2].lower()]
    negative = text.strip().startswith("-")
    if not math.isfinite(value) or value < 1 or negative:
        hint = "it cannot be negative" if negative else "it is at least 1"
        raise UsageError(f"{option} expects {wanted}, got {text!r}", hint=hint)
    return int(value)
