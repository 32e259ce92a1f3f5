"""Recover formulas for unknown sizes: fill them with several sets of numbers and compare how the results change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from math import prod
from typing import Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim, Size

PRIMES = (
    (10007, 10009, 10037, 10039, 10061, 10067, 10069, 10079),
    (20011, 20021, 20023, 20029, 20047, 20051, 20063, 20071),
)
MOST_ATOMS = 20
"""With how many different formulas of sizes products are tried."""


class Formulas:
    """Finds the formula of a size from its values in runs on several ``fills``: numbers in the place of the named sizes.

    A product is one of up to three atoms: names, and the formulas that were found for sizes on the way. With more than two runs a
    multiple of a product plus a constant counts as well; with two, it would fit too easily.
    """

    def __init__(self, fills: Sequence[dict[Any, int]]) -> None:
        self.fills = [{name: number for name, number in fill.items() if name is not None} for fill in fills]
        self.atoms: dict[tuple[int, ...], Dim] = {}
        self.doubtful: set[tuple[int, ...]] = set()
        self.found: dict[tuple[int, ...], Size] = {}
        for name in self.fills[0] if self.fills else ():
            self.atoms[tuple(fill[name] for fill in self.fills)] = Dim.named(name)

    def of(self, values: Sequence[int]) -> Size:
        """Return the formula of a size that had these values, or an anonymous unknown."""
        key = tuple(values)
        if len(set(key)) == 1:
            return key[0]
        if key in self.doubtful:
            return UNKNOWN
        if key not in self.found:
            self.found[key] = self._explained(key)
        return self.found[key]

    def size(self, values: Sequence[int]) -> Size:
        """Return the formula of a size of a tensor; products are then tried with it too."""
        found = self.of(values)
        if len(self.fills) > 2 and isinstance(found, Dim) and len(found.terms or ()) > 1:
            self.add(found, tuple(values))
        return found

    def add(self, formula: Size, values: tuple[int, ...]) -> None:
        """Add a formula that sizes are known to have where they had these values."""
        if not isinstance(formula, Dim) or formula.anonymous or len(self.atoms) >= MOST_ATOMS:
            return
        if self.found.get(values, formula) != formula:  # which of two formulas of the same values holds is not known
            self.doubtful.add(values)
            self.found.clear()
        if values not in self.atoms and values not in self.doubtful:
            self.atoms[values] = formula
            self.found = {key: size for key, size in self.found.items() if size != UNKNOWN}
            self.found[values] = formula

    def slid(self, taken: Sequence[int], given: Sequence[int], offset: int, stride: int) -> None:
        """Add the formula of the number of positions of a window on an axis."""
        size = self.of(taken)
        if isinstance(size, Dim) and not size.anonymous:
            formula = (size + offset) // stride
            if [dims.at(formula, fill) for fill in self.fills] == list(given):
                self.add(formula, tuple(given))

    def _products(self) -> Iterator[tuple[Sequence[Dim], tuple[int, ...]]]:
        known = [(values, formula) for values, formula in self.atoms.items() if values not in self.doubtful]
        for degree in (1, 2, 3):
            for each in combinations_with_replacement(known, degree):
                yield (
                    [formula for _, formula in each],
                    tuple(map(prod, zip(*(values for values, _ in each), strict=True))),
                )

    def _explained(self, values: tuple[int, ...]) -> Size:
        shifted: Size = UNKNOWN
        for formulas, product in self._products():
            factor, rest = divmod(values[0], product[0])
            if factor and rest == 0 and values[1:] == tuple(factor * each for each in product[1:]):
                return factor * dims.product(formulas)
            if len(values) > 2 and shifted == UNKNOWN and product[1] != product[0]:
                slope, rest = divmod(values[1] - values[0], product[1] - product[0])
                constant = values[0] - slope * product[0]
                if slope > 0 and rest == 0 and values == tuple(slope * each + constant for each in product):
                    shifted = slope * dims.product(formulas) + constant
        return shifted
