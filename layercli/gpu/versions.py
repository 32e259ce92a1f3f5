"""Parse versions of CUDA, drivers and device capabilities as numbers; invalid ones are empty."""

from __future__ import annotations

import re

START = re.compile(r"\d{1,9}(\.\d{1,9})*")


def numbers(text: str | None) -> tuple[int, ...]:
    """Return the leading numbers of a version: ``numbers("535.183.01")`` is ``(535, 183, 1)``; ``()`` if there are none."""
    found = START.match(text or "")
    return tuple(map(int, found.group().split("."))) if found else ()


def major(text: str | None) -> int:
    """Return the first number of a version; 0 if there is none."""
    return (*numbers(text), 0)[0]


def pair(text: str | None) -> tuple[int, int] | None:
    """Return the first two numbers of a version, such as a capability's; None if there are none."""
    found = numbers(text)
    return (found[0], found[1] if len(found) > 1 else 0) if found else None
