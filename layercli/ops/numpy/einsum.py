"""Einstein summation of any number of tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from itertools import takewhile
from string import ascii_letters
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.dims import Size
from layercli.core.operation import Op, cached_property, spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.conversion import cast, convert_to_tensor
from layercli.ops.core.shape import sizes_of
from layercli.ops.numpy.elementwise import promoted
from layercli.ops.numpy.linear import multiplied
from layercli.ops.numpy.reshaping import squeeze, transpose

Factor = tuple[Any, str]
"""A tensor, and one letter per axis."""


def einsum(subscripts: str, *operands: object) -> Tensor:
    """Return the sum of the product of the operands over the indices that do not occur on the right of ``subscripts``.

    ``einsum("bij,jk->bik", x, y)``. ``...`` stands for axes that broadcast. Without ``->`` the output has ``...`` and
    then each index that occurs once, in alphabetical order. Operands are contracted from left to right, those of int8
    in int32. Raises
    UsageError for invalid subscripts, ShapeError where they do not fit the operands.
    """
    left, right = _sides(subscripts)
    terms = left.split(",")
    if len(terms) != len(operands):
        raise UsageError(f"{subscripts} names {len(terms)} operands, got {len(operands)}")
    tensors = _of_one_dtype(operands)
    narrow = dtypes.name_of(tensors[0].dtype) == "int8"
    tensors = [cast(x, dtypes.INDEX) for x in tensors] if narrow else tensors
    free = [letter for letter in ascii_letters if letter not in subscripts]
    factors = [_spelled_out(subscripts, x, term, free) for x, term in zip(tensors, terms, strict=True)]
    leading = max((_leading(x, term) for x, term in zip(tensors, terms, strict=True)), default=0)
    out = right.replace("...", "".join(reversed(free[:leading])))
    found = _contracted(_broadcast(factors), out)
    return cast(found, dtypes.INDEX) if narrow else found


def _sides(subscripts: str) -> tuple[str, str]:
    """Return the two sides of the subscripts, with an omitted right side completed; UsageError for an invalid equation."""
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


def _of_one_dtype(operands: Sequence[object]) -> list[Tensor]:
    tensors = [convert_to_tensor(x) for x in operands]
    dtype = spec_of(
        reduce(lambda x, y: x if promoted(spec_of(x), spec_of(y)) == spec_of(x).dtype else y, tensors)
    ).dtype
    return [x if spec_of(x).dtype == dtype else cast(x, dtype) for x in tensors]


def _leading(x: Tensor, term: str) -> int:
    """Return the number of axes of x that ``...`` stands for."""
    return len(sizes_of(x)) - len(term.replace("...", "")) if "..." in term else 0


def _spelled_out(subscripts: str, x: Tensor, term: str, free: list[str]) -> Factor:
    """Return x with one letter per axis, those of ``...`` numbered from its end; ShapeError for another rank."""
    letters = term.replace("...", "")
    many = _leading(x, term)
    if many < 0 or (not many and len(sizes_of(x)) != len(letters)):
        raise ShapeError(f"expects an operand with {len(letters)} axes for {subscripts}, got {spec_of(x)}")
    return x, term.replace("...", "".join(reversed(free[:many])))


def _broadcast(factors: list[Factor]) -> list[Factor]:
    """Return the factors without the axes of size 1 for which another factor has a larger size."""
    largest: dict[str, Size] = {}
    for x, letters in factors:
        for letter, size in zip(letters, sizes_of(x), strict=True):
            if largest.get(letter, 1) == 1:
                largest[letter] = size
    found = []
    for x, letters in factors:
        alone = [i for i, letter in enumerate(letters) if sizes_of(x)[i] == 1 and largest[letter] != 1]
        kept = "".join(letter for i, letter in enumerate(letters) if i not in alone)
        found.append((squeeze(x, alone) if alone else x, kept))
    return found


def _contracted(factors: list[Factor], out: str) -> Tensor:
    """Return the product of the factors, contracted from left to right, with axes in the order ``out``."""
    (x, letters), *rest = [_folded(factor, factors, i, out) for i, factor in enumerate(factors)]
    while rest:
        (y, others), *rest = rest
        wanted = {*out}.union(*(each for _, each in rest))
        both = "".join(dict.fromkeys(letter for letter in letters + others if letter in wanted)) if rest else out
        x, letters = Einsum(f"{letters},{others}->{both}")(x, y), both
    return x if letters == out else transpose(x, tuple(letters.index(letter) for letter in out))


def _folded(factor: Factor, factors: list[Factor], position: int, out: str) -> Factor:
    """Return a factor with repeated letters replaced by the diagonal, and letters of no other factor nor of ``out``
    summed.
    """
    x, letters = factor
    others = {*out}.union(*(each for i, (_, each) in enumerate(factors) if i != position))
    kept = "".join(dict.fromkeys(letter for letter in letters if letter in others))
    if kept == letters:
        return factor
    return EinsumReduce(f"{letters}->{kept}")(x), kept


@dataclass(frozen=True)
class Einsum(Op):
    """out = the sum of x * y over the letters that are not in out, + bias: ``Einsum("btd,dhk->bthk")(x, y)``.

    ``...`` stands for leading axes that x has and y lacks; bias broadcasts to out.
    """

    promotes = True

    equation: str

    @cached_property
    def terms(self) -> tuple[str, str, str]:
        """The letters of x, of y and of out; UsageError for another form."""
        left, arrow, out = self.equation.replace(" ", "").partition("->")
        x, comma, y = left.partition(",")
        letters = {*x, *y} - {"."}
        if not (arrow and comma) or "," in y or not {*out} - {"."} <= letters:
            raise UsageError(f"expects an equation like 'ab,bc->ac', got {self.equation!r}")
        return x, y, out

    @cached_property
    def summed(self) -> int:
        """The number of summed axes where this is one matrix product: the last axes of x, the first of y; else 0."""
        x, y, out = self.terms
        count = len(x) - sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(x, out, strict=False)))
        new = y[count:]
        one = out == x[: len(x) - count] + new and y[:count] == x[len(x) - count :]
        return count if one and "." not in x + y and len({*x, *new}) == len(x + new) else 0

    def spec(self, x: Spec, y: Spec, bias: Spec | None = None) -> Spec:
        """Return the shape by the letters; ShapeError where they do not fit the shapes."""
        sizes, lead = self._sizes(x, y)
        out = self.terms[2]
        inner = tuple(sizes[letter] for letter in out.replace("...", ""))
        before = lead if out.startswith("...") else ()
        after = lead if out.endswith("...") and not before else ()
        return Spec((*before, *inner, *after), promoted(x, y))

    def macs(self, x: Spec, y: Spec, bias: Spec | None = None) -> Size:
        """Return the product of all sizes, where x and y share a summed letter; letters of one factor are summed first."""
        sizes, lead = self._sizes(x, y)
        x_letters, y_letters, out = self.terms
        if not {*x_letters} & {*y_letters} - {*out, "."}:
            return 0
        alone = ({*x_letters} ^ {*y_letters}) - {*out}
        return dims.product(size for letter, size in sizes.items() if letter not in alone) * dims.product(lead)

    def run(self, x: Any, y: Tensor, bias: Any = None) -> Tensor:
        """Return torch's linear, with the bias fused, for one matrix product, else torch's einsum."""
        count = self.summed
        if not count or x.ndim != len(self.terms[0]) or x.shape[-count:] != y.shape[:count]:
            out = torch.einsum(self.equation, x, y)
            return out if bias is None else out + bias
        new = y.shape[count:]
        kernel = y.reshape(x.shape[-count:].numel(), new.numel())
        whole = bias is not None and bias.shape == new
        out = multiplied(x if count == 1 else x.flatten(-count), kernel, bias.flatten() if whole else None)
        if len(new) != 1:
            out = out.reshape((*out.shape[:-1], *new))
        return out if whole or bias is None else out + bias

    def _sizes(self, x: Spec, y: Spec) -> tuple[dict[str, Size], tuple[Size, ...]]:
        """Return the size of each letter, and the sizes of ``...``."""
        sizes: dict[str, Size] = {}
        lead: tuple[Size, ...] = ()
        for name, term, given in (("y", self.terms[1], y), ("x", self.terms[0], x)):
            letters = term.replace("...", "")
            extra = given.rank - len(letters)
            if extra < 0 or (extra and "..." not in term):
                raise ShapeError(
                    f"expects {name} with {len(letters)} axes for {self.equation}, got {given.rank} ({name} = {given})"
                )
            start = extra if term.startswith("...") else 0
            shape = given.shape[start : start + len(letters)]
            lead = lead or (given.shape[:extra] if start else given.shape[len(letters) :])
            for letter, size in zip(letters, shape, strict=True):
                if not dims.may_equal(sizes.setdefault(letter, size), size):
                    raise ShapeError(
                        f"expects {letter} of {self.equation} to be {sizes[letter]}, got {size} ({name} = {given})"
                    )
        return sizes, lead


@dataclass(frozen=True)
class EinsumReduce(Op):
    """out = x with repeated letters as a diagonal and the letters not in out summed, integers in int64."""

    equation: str

    def spec(self, x: Spec) -> Spec:
        """Return the sizes of the letters; ShapeError where axes with one letter differ."""
        letters, out = self.equation.split("->")
        sizes: dict[str, Size] = {}
        for letter, size in zip(letters, x.shape, strict=True):
            if not dims.may_equal(sizes.setdefault(letter, size), size):
                raise ShapeError(f"expects {letter} of {self.equation} to be {sizes[letter]}, got {size} (x = {x})")
        whole = dtypes.rank(x.dtype) < 2 and {*letters} != {*out}
        return Spec(tuple(sizes[letter] for letter in out), "int64" if whole else x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's einsum."""
        return torch.einsum(self.equation, x)
