"""Formulas: polynomials with whole coefficients over names and quotients, in one canonical form.

``terms`` maps each monomial to its coefficient. A monomial is a sorted tuple of atoms, repeated for powers; an atom is a
name, which stands for a positive integer, a ``FloorDiv``: the floor of a formula over a formula, or a ``Least``: the lesser of
two formulas. A ceiling is a floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from math import gcd, prod
from operator import mul
from typing import TypeAlias, Union

from layercli.core.symbolic_dim_text import grouped, term
from layercli.errors import UnknownSizeError

Size: TypeAlias = Union[int, "Dim"]
Atom: TypeAlias = Union[str, "FloorDiv", "Least"]
Monomial: TypeAlias = tuple[Atom, ...]


class Dim:
    """A size that is not known: a formula of named unknowns, or anonymous (``terms`` is None)."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: Mapping[Monomial, int] | None) -> None:
        self.terms = terms
        self._hash: int | None = None

    @staticmethod
    def named(name: str) -> Dim:
        """Return the unknown called ``name``."""
        return Dim({(name,): 1})

    @property
    def anonymous(self) -> bool:
        """Whether nothing at all is known of this size."""
        return self.terms is None

    @property
    def _name(self) -> str | None:
        """The name that this is alone, as most sizes that are not known are; None for any other formula."""
        if self.terms is None or len(self.terms) != 1:
            return None
        [(monomial, n)] = self.terms.items()
        return monomial[0] if n == 1 and len(monomial) == 1 and isinstance(monomial[0], str) else None

    @property
    def names(self) -> set[str]:
        """The names this formula depends on."""
        atoms = {atom for monomial in self.terms or {} for atom in monomial}
        return {n for a in atoms for n in ([a] if isinstance(a, str) else a.names)}

    def at(self, values: Mapping[str, Size]) -> Size:
        """Return the size with the unknowns in ``values`` replaced: an ``int`` once none is left."""
        if self.terms is None:
            return self
        return total(n * product(_atom_at(a, values) for a in monomial) for monomial, n in self.terms.items())

    def __add__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        ours, theirs = self.terms, _terms(other)
        if ours is None or theirs is None:
            return UNKNOWN
        terms = dict(ours)
        for monomial, n in theirs.items():
            terms[monomial] = terms.get(monomial, 0) + n
        return _size(terms)

    def __mul__(self, other: Size) -> Size:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        ours, theirs = self.terms, _terms(other)
        if theirs == {} or ours == {}:
            return 0
        if ours is None or theirs is None:
            return UNKNOWN
        if isinstance(other, int):
            return Dim({monomial: n * other for monomial, n in ours.items()})
        terms: dict[Monomial, int] = {}
        for left, n in ours.items():
            for right, m in theirs.items():
                monomial = _sorted(left + right)
                terms[monomial] = terms.get(monomial, 0) + n * m
        return _size(terms)

    def __pow__(self, exponent: int) -> Size:
        return product([self] * exponent)

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + -1 * other

    def __rsub__(self, other: Size) -> Size:
        return other + -self

    def __floordiv__(self, other: Size) -> Size:
        return _floor(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return _floor(other, self)

    def __mod__(self, other: Size) -> Size:
        return self - other * (self // other)

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other: object) -> bool:
        return self._shown_as_none if other is None else isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(None if self.terms is None or self._shown_as_none else frozenset(self.terms.items()))
        return self._hash

    @property
    def _shown_as_none(self) -> bool:
        """Whether a shape shows this size as None, which it therefore equals: ``x.shape == (None, 3)`` holds as in Keras."""
        return self.terms is None or self.terms == {(BATCH,): 1}

    def __lt__(self, other: Size) -> bool:
        return _decided(self, "<", other, self - other + 1)

    def __le__(self, other: Size) -> bool:
        return _decided(self, "<=", other, self - other)

    def __gt__(self, other: Size) -> bool:
        return _decided(self, ">", other, other - self + 1)

    def __ge__(self, other: Size) -> bool:
        return _decided(self, ">=", other, other - self)

    def __bool__(self) -> bool:
        lowest = lower_bound(self)
        if lowest is not None and lowest > 0:
            return True
        raise UnknownSizeError(f"whether the size {self} is zero is not known")

    def __index__(self) -> int:
        raise UnknownSizeError(f"the size {self} is not known: a number cannot be made of it")

    __int__ = __index__

    def __repr__(self) -> str:  # in a tuple; a formula prints the batch by its name
        text = str(self)
        return "None" if text == BATCH else text

    def __str__(self) -> str:
        if self.terms is None:
            return "None"
        if self._name is not None:
            return self._name
        ordered = sorted(self.terms.items(), key=lambda each: (-len(each[0]), -len(set(each[0])), str(each[0])))
        text = " + ".join(term(monomial, n) for monomial, n in ordered)
        return text.replace("+ -", "- ")


class FloorDiv:
    """The floor of ``over / under``, as one atom of a formula; both are formulas or integers."""

    __slots__ = ("over", "under")

    def __init__(self, over: Size, under: Size) -> None:
        self.over = over
        self.under = under

    @property
    def names(self) -> set[str]:
        """The names it depends on."""
        return names(self.over) | names(self.under)

    def at(self, values: Mapping[str, Size]) -> Size:
        """Return it with the unknowns in ``values`` replaced."""
        return _floor(at(self.over, values), at(self.under, values))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FloorDiv) and (self.over, self.under) == (other.over, other.under)

    def __hash__(self) -> int:
        return hash((self.over, self.under))

    def __repr__(self) -> str:
        constant = _constant(self.over)
        if isinstance(self.under, int) and constant == self.under - 1:
            return f"ceil({grouped(self.over - constant)}/{self.under})"
        return f"floor({grouped(self.over)}/{grouped(self.under)})"


class Least:
    """The lesser of two sizes, as one atom of a formula."""

    __slots__ = ("one", "other")

    def __init__(self, one: Size, other: Size) -> None:
        self.one = one
        self.other = other

    @property
    def names(self) -> set[str]:
        """The names it depends on."""
        return names(self.one) | names(self.other)

    def at(self, values: Mapping[str, Size]) -> Size:
        """Return it with the unknowns in ``values`` replaced."""
        return least(at(self.one, values), at(self.other, values))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Least) and (self.one, self.other) == (other.one, other.other)

    def __hash__(self) -> int:
        return hash((self.one, self.other))

    def __repr__(self) -> str:
        return f"min({self.one}, {self.other})"


BATCH = "B"
"""The name of the first axis of an input of unknown batch size; alone in a shape it prints as ``None``, as in Keras."""

UNKNOWN = Dim(None)


def total(sizes: Iterable[Size]) -> Size:
    """Return the sum of ``sizes``."""
    return sum(sizes, start=0)


def product(sizes: Iterable[Size]) -> Size:
    """Return the product of ``sizes``, 1 for none: that of the numbers first, which no formula then repeats."""
    number, unknown = 1, []
    for size in sizes:
        if isinstance(size, int):
            number *= size
        else:
            unknown.append(size)
    return reduce(mul, unknown, number)


def least(one: Size, other: Size) -> Size:
    """Return the lesser of two sizes, as a formula where that depends on the unknowns.

    >>> least(Dim.named("T"), 4), least(Dim.named("T") + 4, 3)
    (min(T, 4), 3)
    """
    if UNKNOWN in (one, other):
        return UNKNOWN
    try:
        return one if one <= other else other
    except UnknownSizeError:
        return Dim({(Least(one, other),): 1})


def names(size: Size) -> set[str]:
    """Return the names ``size`` depends on."""
    return size.names if isinstance(size, Dim) else set()


def at(size: Size, values: Mapping[str, Size]) -> Size:
    """Return ``size`` with the unknowns in ``values`` replaced."""
    return size.at(values) if isinstance(size, Dim) else size


def lower_bound(size: Size) -> int | None:
    """Return a number ``size`` is never below, every name being at least 1; None where there is none."""
    if isinstance(size, int):
        return size
    if size.terms is None:
        return None
    bound = 0
    for monomial, n in size.terms.items():
        lows = [_atom_lower_bound(atom) for atom in monomial]
        if (monomial and n < 0) or any(low < 0 for low in lows):
            return None
        bound += n * prod(lows)
    return bound


def _terms(size: Size) -> Mapping[Monomial, int] | None:
    if isinstance(size, Dim):
        return size.terms
    return {(): size} if size else {}


def _size(terms: Mapping[Monomial, int]) -> Size:
    kept = {monomial: n for monomial, n in terms.items() if n}
    if not kept:
        return 0
    return kept[()] if kept.keys() == {()} else Dim(kept)


def _sorted(atoms: Monomial) -> Monomial:
    return tuple(sorted(atoms, key=str))


def _constant(size: Size) -> int:
    if isinstance(size, int):
        return size
    return (size.terms or {}).get((), 0)


def _floor(over: Size, under: Size) -> Size:
    """Return floor(over / under) in canonical form."""
    if isinstance(over, int) and isinstance(under, int):
        return over // under
    if isinstance(under, int):
        return _floor_by_number(over, under)
    return _floor_by_formula(over, under)


def _floor_by_number(over: Size, under: int) -> Size:
    """Take the whole multiples of ``under`` out, divide by what is common, and merge a quotient in a quotient."""
    if under < 0:
        return _floor_by_number(-over, -under)
    if under == 0:
        raise ZeroDivisionError(f"{over} divided by zero")
    terms = _terms(over)
    if terms is None:
        return UNKNOWN
    whole = _size({monomial: n // under for monomial, n in terms.items()})
    rest = {monomial: n % under for monomial, n in terms.items() if n % under}
    common = gcd(under, *(n for monomial, n in rest.items() if monomial))
    if common == under:
        return whole
    rest = {monomial: n // common for monomial, n in rest.items()}
    return whole + _nested(_size(rest), under // common)


def _nested(over: Size, under: int) -> Size:
    """Return floor(over / under), where floor(floor(p / q) / r) is floor(p / (q * r))."""
    if isinstance(over, int):
        return over // under
    match [(monomial, n) for monomial, n in (over.terms or {}).items() if monomial]:
        case [((FloorDiv(under=int() as inner) as quotient,), 1)]:
            return _floor_by_number(quotient.over + _constant(over) * inner, inner * under)
    return Dim({(FloorDiv(over, under),): 1})


def _floor_by_formula(over: Size, under: Dim) -> Size:
    """Divide exactly where every term of ``over`` holds the one term of ``under``; otherwise keep the quotient."""
    numerator, denominator = _terms(over), under.terms
    if numerator is None or denominator is None:
        return UNKNOWN
    if over == 0:
        return 0
    if over == under:
        return 1
    if len(denominator) == 1:
        [(divisor, m)] = denominator.items()
        shared = {monomial: _without(monomial, divisor) for monomial in numerator}
        if None not in shared.values():
            return _floor_by_number(_size({shared[k]: n for k, n in numerator.items()}), m)  # type: ignore[misc]  # no None
    return Dim({(FloorDiv(over, under),): 1})


def _without(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    left = list(monomial)
    for atom in divisor:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def _atom_at(atom: Atom, values: Mapping[str, Size]) -> Size:
    if isinstance(atom, str):
        return values.get(atom, Dim.named(atom))
    return atom.at(values)


def _atom_lower_bound(atom: Atom) -> int:
    """Return the least value of an atom, a name being at least 1; -1 where there is none that is known."""
    if isinstance(atom, str):
        return 1
    if isinstance(atom, Least):
        lows = [lower_bound(atom.one), lower_bound(atom.other)]
        return min(-1 if each is None else each for each in lows)
    low = lower_bound(atom.over)
    if low is None or low < 0:
        return -1
    return low // atom.under if isinstance(atom.under, int) else 0


def _decided(left: Size, sign: str, right: Size, difference: Size) -> bool:
    """Return whether ``difference <= 0``, the form every comparison takes, or raise where that depends on the unknowns."""
    low, high = lower_bound(difference), lower_bound(-difference)
    if high is not None and high >= 0:
        return True
    if low is not None and low > 0:
        return False
    raise UnknownSizeError(f"whether {left} {sign} {right} is not known")
