"""Recover formulas for unknown sizes: fill them with two sets of primes and compare how the results change."""

from __future__ import annotations

from itertools import chain, combinations_with_replacement
from math import prod
from typing import Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim, Size

PRIMES = (
    (10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079),
    (20011, 20021, 20023, 20029, 20047, 20051, 20063, 20071),
)


def explained(first: int, second: int, fills: list[dict[Any, int]]) -> Size:
    """Return a size that explains both runs: a constant, a multiple of a product of up to three names, or an anonymous unknown."""
    if first == second:
        return first
    names = [name for name in fills[0] if name is not None]
    for product in chain.from_iterable(combinations_with_replacement(names, degree) for degree in (1, 2, 3)):
        factor, rest = divmod(first, prod(fills[0][name] for name in product))
        if factor and rest == 0 and second == factor * prod(fills[1][name] for name in product):
            return factor * dims.product(Dim.named(name) for name in product)
    return UNKNOWN
