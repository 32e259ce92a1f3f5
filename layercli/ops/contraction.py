"""Products and sums named by letters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.op import Op, derived
from layercli.core.spec import Spec
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.elementwise import promoted
from layercli.ops.linear import multiplied


@dataclass(frozen=True)
class Einsum(Op):
    """out = the sum, over the letters only the left hand side has, of x * y, + bias: ``Einsum("btd,dhk->bthk")(x, y)``.

    ``...`` stands for leading axes that x has and y lacks; bias broadcasts to out.
    """

    promotes = True

    equation: str

    @derived
    def terms(self) -> tuple[str, str, str]:
        """The letters of x, of y and of out; UsageError where the equation has another form."""
        left, arrow, out = self.equation.replace(" ", "").partition("->")
        x, comma, y = left.partition(",")
        letters = {*x, *y} - {"."}
        if not (arrow and comma) or "," in y or not {*out} - {"."} <= letters:
            raise UsageError(f"expects an equation like 'ab,bc->ac', got {self.equation!r}")
        return x, y, out

    @derived
    def summed(self) -> int:
        """How many axes are summed, where that is one product of matrices: the last ones of x, the first ones of y; else 0."""
        x, y, out = self.terms
        count = len(x) - sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(x, out, strict=False)))
        new = y[count:]
        one = out == x[: len(x) - count] + new and y[:count] == x[len(x) - count :]
        return count if one and "." not in x + y and len({*x, *new}) == len(x + new) else 0

    def spec(self, x: Spec, y: Spec, bias: Spec | None = None) -> Spec:
        """Return the shape that the letters give; ShapeError where they do not fit the shapes."""
        sizes, lead = self._sizes(x, y)
        out = self.terms[2]
        inner = tuple(sizes[letter] for letter in out.replace("...", ""))
        before = lead if out.startswith("...") else ()
        after = lead if out.endswith("...") and not before else ()
        return Spec((*before, *inner, *after), promoted(x, y))

    def macs(self, x: Spec, y: Spec, bias: Spec | None = None) -> Size:
        """Return the product of all sizes, where a letter is summed that both have; a letter that one has alone is summed first."""
        sizes, lead = self._sizes(x, y)
        x_letters, y_letters, out = self.terms
        if not {*x_letters} & {*y_letters} - {*out, "."}:
            return 0
        alone = ({*x_letters} ^ {*y_letters}) - {*out}
        return dims.product(size for letter, size in sizes.items() if letter not in alone) * dims.product(lead)

    def run(self, x: Any, y: Any, bias: Any = None) -> Any:
        """Return torch's linear where it is one product of matrices, whose bias costs nothing, else torch's einsum."""
        count = self.summed
        if not count or x.ndim != len(self.terms[0]) or x.shape[-count:] != y.shape[:count]:
            out = torch.einsum(self.equation, x, y)
            return out if bias is None else out + bias
        new = y.shape[count:]
        weight = y.reshape(x.shape[-count:].numel(), new.numel()).T
        whole = bias is not None and bias.shape == new
        out = multiplied(x.flatten(-count), weight, bias.flatten() if whole else None)
        out = out.reshape((*out.shape[:-1], *new))
        return out if whole or bias is None else out + bias

    def _sizes(self, x: Spec, y: Spec) -> tuple[dict[str, Size], tuple[Size, ...]]:
        """Return the size of each letter, and those that ``...`` stands for."""
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
class Fold(Op):
    """out = x, axes of one letter run along together (a diagonal) and the letters that only x has summed: ``Fold("ii->i")(x)``."""

    equation: str

    def spec(self, x: Spec) -> Spec:
        """Return the sizes of the letters; ShapeError where axes of one letter differ."""
        letters, out = self.equation.split("->")
        sizes: dict[str, Size] = {}
        for letter, size in zip(letters, x.shape, strict=True):
            if not dims.may_equal(sizes.setdefault(letter, size), size):
                raise ShapeError(f"expects {letter} of {self.equation} to be {sizes[letter]}, got {size} (x = {x})")
        return Spec(tuple(sizes[letter] for letter in out), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's einsum."""
        return torch.einsum(self.equation, x)
