"""The text of symbolic sizes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby


def term(monomial: Iterable[object], n: int) -> str:
    """Return the text of a monomial, a sorted tuple of atoms, times an integer: ``2*T^2``."""
    factors = [(str(atom), len(list(same))) for atom, same in groupby(monomial)]
    text = "*".join(name if power == 1 else f"{name}^{power}" for name, power in factors)
    if not text:
        return str(n)
    return {1: text, -1: f"-{text}"}.get(n, f"{n}*{text}")


def grouped(size: object) -> str:
    """Return the text of a formula as a part of another: in brackets, unless it is a name or a number."""
    text = str(size)
    return f"({text})" if " " in text or "*" in text else text
