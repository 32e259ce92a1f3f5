"""Sizes in bytes as people write them."""

from __future__ import annotations

import re

from layercli.errors import UsageError

UNITS = {"": 1, "b": 1, **{f"{letter}{unit}": base**power for power, letter in enumerate("kmgt", 1)
                           for unit, base in (("", 1000), ("b", 1000), ("ib", 1024))}}  # fmt: skip


def parse_size(option: str, text: str) -> int:
    """Return the bytes that ``text`` says; UsageError, which names the ``option``, where it says none.

    >>> parse_size("--shard-size", "5GB"), parse_size("--shard-size", "1.5 KiB")
    (5000000000, 1536)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", text)
    unit = UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None or float(found[1]) * unit < 1:
        raise UsageError(f"{option} expects a size such as 5GB, got {text!r}")
    return int(float(found[1]) * unit)
