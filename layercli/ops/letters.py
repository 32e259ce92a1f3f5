"""Sums of products named by letters, of as many tensors as one likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from string import ascii_letters
from typing import Any

from layercli.core.dims import Size
from layercli.core.op import spec_of
from layercli.errors import ShapeError, UsageError
from layercli.ops.contraction import Einsum, Fold
from layercli.ops.conversion import convert_to_tensor
from layercli.ops.elementwise import cast, promoted
from layercli.ops.extent import shape
from layercli.ops.reshaping import squeeze, transpose

Factor = tuple[Any, str]
"""A tensor with one letter for each of its axes."""


def einsum(subscripts: str, *operands: Any) -> Any:
    """Return the sum of the operands' product over the letters that the right hand side of ``subscripts`` lacks.

    ``einsum("bij,jk->bik", x, y)``; ``...`` stands for axes that broadcast; without ``->`` the right hand side is ``...``, then
    each letter that is there once, in order. The operands are taken together from left to right.
    """
    left, right = _sides(subscripts)
    terms = left.split(",")
    if len(terms) != len(operands):
        raise UsageError(f"{subscripts} names {len(terms)} operands, got {len(operands)}")
    tensors = _of_one_dtype(operands)
    free = [letter for letter in ascii_letters if letter not in subscripts]
    factors = [_spelled_out(subscripts, x, term, free) for x, term in zip(tensors, terms, strict=True)]
    leading = max((_leading(x, term) for x, term in zip(tensors, terms, strict=True)), default=0)
    out = right.replace("...", "".join(reversed(free[:leading])))
    return _contracted(_broadcast(factors), out)


def _sides(subscripts: str) -> tuple[str, str]:
    """Return what is written, or meant, left and right of the arrow; UsageError for what is no equation."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    letters = Counter(left.replace("...", "").replace(",", ""))
    if not arrow:
        right = "..." * ("..." in left) + "".join(sorted(letter for letter, n in letters.items() if n == 1))
    out = right.replace("...", "", 1)
    wellformed = (
        all(letter.isalpha() for letter in (*letters, *out)) and len({*out}) == len(out) and {*out} <= {*letters}
    )
    if not wellformed:
        raise UsageError(f"expects an equation like 'ab,bc->ac', got {subscripts!r}")
    return left, right


def _of_one_dtype(operands: Sequence[Any]) -> list[Any]:
    tensors = [convert_to_tensor(x) for x in operands]
    dtype = spec_of(
        reduce(lambda x, y: x if promoted(spec_of(x), spec_of(y)) == spec_of(x).dtype else y, tensors)
    ).dtype
    return [x if spec_of(x).dtype == dtype else cast(x, dtype) for x in tensors]


def _leading(x: Any, term: str) -> int:
    """Return for how many axes of x the ``...`` stands."""
    return len(shape(x)) - len(term.replace("...", "")) if "..." in term else 0


def _spelled_out(subscripts: str, x: Any, term: str, free: list[str]) -> Factor:
    """Return x with a letter per axis, those of ``...`` counted from its end; ShapeError where x has not as many."""
    letters = term.replace("...", "")
    many = _leading(x, term)
    if many < 0 or (not many and len(shape(x)) != len(letters)):
        raise ShapeError(f"expects an operand with {len(letters)} axes for {subscripts}, got {spec_of(x)}")
    return x, term.replace("...", "".join(reversed(free[:many])))


def _broadcast(factors: list[Factor]) -> list[Factor]:
    """Return the factors without the axes of size 1 that another factor has larger."""
    largest: dict[str, Size] = {}
    for x, letters in factors:
        for letter, size in zip(letters, shape(x), strict=True):
            if largest.get(letter, 1) == 1:
                largest[letter] = size
    found = []
    for x, letters in factors:
        alone = [i for i, letter in enumerate(letters) if shape(x)[i] == 1 and largest[letter] != 1]
        kept = "".join(letter for i, letter in enumerate(letters) if i not in alone)
        found.append((squeeze(x, alone) if alone else x, kept))
    return found


def _contracted(factors: list[Factor], out: str) -> Any:
    """Return the product of the factors, each taken together with what came before, in the order of letters ``out``."""
    (x, letters), *rest = [_folded(factor, factors, i, out) for i, factor in enumerate(factors)]
    while rest:
        (y, others), *rest = rest
        wanted = {*out}.union(*(each for _, each in rest))
        both = "".join(dict.fromkeys(letter for letter in letters + others if letter in wanted)) if rest else out
        x, letters = Einsum(f"{letters},{others}->{both}")(x, y), both
    return x if letters == out else transpose(x, tuple(letters.index(letter) for letter in out))


def _folded(factor: Factor, factors: list[Factor], place: int, out: str) -> Factor:
    """Return a factor whose letters are each there once, and in another factor or in ``out``."""
    x, letters = factor
    others = {*out}.union(*(each for i, (_, each) in enumerate(factors) if i != place))
    kept = "".join(dict.fromkeys(letter for letter in letters if letter in others))
    if kept == letters:
        return factor
    return Fold(f"{letters}->{kept}")(x), kept
