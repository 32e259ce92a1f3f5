"""Cases of einsum."""

from __future__ import annotations

from layercli.ops.numpy.einsum import Einsum, Fold
from layercli.ops.sample_inputs import Case, spec

CASES = [
    Case(Einsum("ab,bc->ac"), (spec("B 4"), spec("4 3"))),
    Case(Einsum("btd,dhk->bthk"), (spec("B T 4"), spec("4 2 3"))),
    Case(Einsum("bthk,hkd->btd"), (spec("B T 2 3"), spec("2 3 4"))),
    Case(Einsum("btd,dhk->bthk"), (spec("B T 4"), spec("4 2 3"), spec("2 3"))),
    Case(Einsum("btd,dhk->bthk"), (spec("B T 4"), spec("4 2 3"), spec("2 1"))),
    Case(Einsum("bqhd,bkhd->bhqk"), (spec("B T 2 4"), spec("B H 2 4"))),
    Case(Einsum("bhqk,bkhd->bqhd"), (spec("B 2 T H"), spec("B H 2 4"))),
    Case(Einsum("...ab,bc->...ac"), (spec("B T 5 4"), spec("4 3"))),
    Case(Einsum("...a,ab->...b"), (spec("B T 4"), spec("4 3"))),
    Case(Einsum("ab...,bc->ac..."), (spec("B 4 T W"), spec("4 3"))),
    Case(Einsum("abc,cd->abd"), (spec("B T 4"), spec("4 3"))),
    Case(Einsum("abc,b->abc"), (spec("B 4 T"), spec("4"))),
    Case(Einsum("abc,bd->ad"), (spec("B 4 T"), spec("4 3"))),
    Case(Fold("aab->ba"), (spec("T T 3"),)),
    Case(Fold("abc->b"), (spec("B T 4"),)),
    Case(Fold("aa->"), (spec("T T"),)),
]
