"""Which of many sums is the greatest: one where sizes are known, several where it depends on the sizes that are open.

A formula is compared by its coefficients in what each name is above its least value, 1: ``B*T - T`` is ``b*t + b`` with
``B = 1 + b`` and ``T = 1 + t``, so that it is never below 0. Where no coefficient of a formula is less than that of another
one, it is never less, whatever the named sizes are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from math import sqrt
from operator import ge

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.core.symbolic_dim import Atom, Monomial

Coefficients = tuple[int, ...]
"""The coefficients of a formula, one for each term that any of the formulas has."""
LOWEST, HIGHEST = 2.0**-10, 2.0**40
"""The least and the greatest value above 1 at which formulas are compared as numbers."""
USUAL = 4096.0
"""The value at which they are sorted, the greatest first."""
HALVINGS = 50
"""How often the range is halved in which two formulas are equal."""


def undominated(sizes: Iterable[tuple[Size, int]]) -> list[tuple[Size, int]]:
    """Return sums of which the greatest is that of all, whatever the named sizes are, each with its first step.

    A sum is left out where another one is never less, or where it is never above the line between two others: of a backward
    pass that frees what equal layers kept and makes their gradients, one after the other, the first and the last layer stay.
    """
    first: dict[Size, int] = {}
    for size, step in sizes:
        first.setdefault(size, step)
    if UNKNOWN in first:
        return [(UNKNOWN, first[UNKNOWN])]
    terms, found = coefficients_of(first)
    of = dict(zip(found, first, strict=True))  # equal coefficients are equal formulas
    peaks = list(local_peaks(found))
    corners = dict.fromkeys(greatest_somewhere(terms, peaks))
    pairs = [(one, other) for i, one in enumerate(corners) for other in list(corners)[:i]]
    kept = list(corners)
    for each in sorted((each for each in peaks if each not in corners), key=sum, reverse=True):
        if not any(never_less(other, each) for other in kept) and not any(below_line(each, *pair) for pair in pairs):
            kept.append(each)
    everything = valued(terms, {atom for term in terms for atom in term})
    kept.sort(key=lambda each: -everything(each, USUAL))
    return [(of[each], first[of[each]]) for each in kept]


def coefficients_of(sizes: Iterable[Size]) -> tuple[list[Monomial], list[Coefficients]]:
    """Return the terms of formulas in what each atom is above its least value, and the coefficients of each formula.

    A term of which it is not known that it is at least 0 stands there twice, once negated: those of two formulas must be equal.
    """
    rows: list[dict[tuple[Monomial, int], int]] = []
    known = cache(expanded)
    for size in sizes:
        row: dict[tuple[Monomial, int], int] = {}
        for monomial, n in ({(): size} if isinstance(size, int) else size.terms or {}).items():
            for term, sign, factor in known(monomial):
                row[term, sign] = row.get((term, sign), 0) + sign * n * factor
        rows.append(row)
    terms = list(dict.fromkeys(term for row in rows for term in row))
    return [term for term, _ in terms], [tuple(row.get(term, 0) for term in terms) for row in rows]


def expanded(monomial: Monomial) -> list[tuple[Monomial, int, int]]:
    """Return the terms of a product of atoms, each its least value and what it is above that: the term, 1 or -1, the factor."""
    lows = [dims.lower_bound(Dim({(atom,): 1})) for atom in monomial]
    found: dict[Monomial, int] = {(): 1}
    for atom, low in zip(monomial, lows, strict=True):
        if low is None:
            return [(monomial, 1, 1), (monomial, -1, 1)]
        before, found = found, {}
        for term, n in before.items():
            for longer, factor in ((term, low), ((*term, atom), 1)):
                found[longer] = found.get(longer, 0) + n * factor
    return [(term, 1, n) for term, n in found.items() if n]


def local_peaks(found: Iterable[Coefficients]) -> Iterable[Coefficients]:
    """Return formulas in their order without those that a neighbour of what is left is never less than."""
    left: list[Coefficients] = []
    for each in found:
        while left and never_less(each, left[-1]):
            left.pop()
        if not left or not never_less(left[-1], each):
            left.append(each)
    return left


def greatest_somewhere(terms: list[Monomial], found: list[Coefficients]) -> Iterator[Coefficients]:
    """Give the formulas that are the greatest where all atoms have one value, or where one has it and the others are least."""
    atoms = list(dict.fromkeys(atom for term in terms for atom in term))
    for moving in [set(atoms), *({atom} for atom in atoms if len(atoms) > 1)]:
        yield from envelope(found, valued(terms, moving))


def valued(terms: list[Monomial], moving: set[Atom]) -> Callable[[Coefficients, float], float]:
    """Return a function that gives the value of a formula where some atoms are above their least value by a number."""
    powers = [len(term) if moving.issuperset(term) else None for term in terms]

    def value(each: Coefficients, above: float) -> float:
        return sum(n * above**power for n, power in zip(each, powers, strict=True) if power is not None and n)

    return value


def envelope(found: list[Coefficients], value: Callable[[Coefficients, float], float]) -> Iterator[Coefficients]:
    """Give the formulas that are the greatest somewhere on one path: those at its ends, and between two where they are equal."""

    def greatest(at: float) -> Coefficients:
        return max(found, key=lambda each: value(each, at))

    if not found:
        return
    left = [(LOWEST, greatest(LOWEST), HIGHEST, greatest(HIGHEST))]
    while left:
        low, one, high, other = left.pop()
        yield one
        yield other
        if one == other or high / low < 1.0001:
            continue
        below, above = low, high
        for _ in range(HALVINGS):
            middle = sqrt(below * above)
            below, above = (middle, above) if value(one, middle) > value(other, middle) else (below, middle)
        best = greatest(above)
        if value(best, above) > max(value(one, above), value(other, above)):
            left += [(low, one, above, best), (above, best, high, other)]


def never_less(left: Coefficients, right: Coefficients) -> bool:
    """Whether ``left`` is at least ``right`` for all values of the names."""
    return all(map(ge, left, right))


def below_line(each: Coefficients, one: Coefficients, other: Coefficients) -> bool:
    """Whether a share s of ``one`` and 1 - s of ``other`` are together never less than a formula; the greater one then is not.

    Each coefficient bounds s from below or from above.
    """
    low, high = (0, 1), (1, 1)  # numerator and denominator
    for here, first, second in zip(each, one, other, strict=True):
        start, slope = second - here, first - second
        if slope == 0 and start < 0:
            return False
        if slope > 0 and -start * low[1] > low[0] * slope:
            low = -start, slope
        if slope < 0 and start * high[1] < high[0] * -slope:
            high = start, -slope
    return low[0] * high[1] <= high[0] * low[1]
