"""Sizes in bytes with units: 16GiB, 80 GB, 512MiB."""

from __future__ import annotations

import re

from layercli.errors import UsageError

UNITS = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)


def parse(text: str, option: str) -> int:
    """Return the bytes of a size: ``parse("16GiB", "--min-memory")``; UsageError for anything else."""
    found = SIZE.fullmatch(text.strip())
    if found is None or found.group(2).lower() not in UNITS:
        raise UsageError(
            f"{option} expects a size such as 16GiB, got {text!r}", hint="units: B KB MB GB TB KiB MiB GiB TiB"
        )
    return int(float(found.group(1)) * UNITS[found.group(2).lower()])


def show(size: int) -> str:
    """Return a size with its unit: ``show(1 << 30)`` is ``"1.0 GiB"``."""
    if size < 2**20:
        return f"{size / 2**10:.0f} KiB"
    return f"{size / 2**20:.0f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"
