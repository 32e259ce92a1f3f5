"""Sample inputs of einsum."""

from __future__ import annotations

from layercli.ops.numpy.einsum import Einsum, EinsumReduce
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(Einsum("ab,bc->ac"), (spec("B 4"), spec("4 3"))),
    SampleInput(Einsum("btd,dhk->bthk"), (spec("B T 4"), spec("4 2 3"))),
    SampleInput(Einsum("bthk,hkd->btd"), (spec("B T 2 3"), spec("2 3 4"))),
    SampleInput(Einsum("btd,dhk->bthk"), (spec("B T 4"), spec("4 2 3"), spec("2 3"))),
    SampleInput(Einsum("btd,dhk->bthk"), (spec("B T 4"), spec("4 2 3"), spec("2 1"))),
    SampleInput(Einsum("bqhd,bkhd->bhqk"), (spec("B T 2 4"), spec("B H 2 4"))),
    SampleInput(Einsum("bhqk,bkhd->bqhd"), (spec("B 2 T H"), spec("B H 2 4"))),
    SampleInput(Einsum("...ab,bc->...ac"), (spec("B T 5 4"), spec("4 3"))),
    SampleInput(Einsum("...a,ab->...b"), (spec("B T 4"), spec("4 3"))),
    SampleInput(Einsum("ab...,bc->ac..."), (spec("B 4 T W"), spec("4 3"))),
    SampleInput(Einsum("abc,cd->abd"), (spec("B T 4"), spec("4 3"))),
    SampleInput(Einsum("abc,b->abc"), (spec("B 4 T"), spec("4"))),
    SampleInput(Einsum("abc,bd->ad"), (spec("B 4 T"), spec("4 3"))),
    SampleInput(EinsumReduce("aab->ba"), (spec("T T 3"),)),
    SampleInput(EinsumReduce("abc->b"), (spec("B T 4"),)),
    SampleInput(EinsumReduce("aa->"), (spec("T T"),)),
]
