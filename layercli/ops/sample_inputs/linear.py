"""Cases of the matrix products."""

from __future__ import annotations

from layercli.ops.numpy.linear import Dense, MatMul
from layercli.ops.sample_inputs import Case, spec

CASES = [
    Case(Dense(), (spec("B 4"), spec("4 3"), spec("3"))),
    Case(Dense(), (spec("B T 4"), spec("4 3"), None)),
    Case(Dense(), (spec("4"), spec("4 3"), spec("3"))),
    Case(MatMul(), (spec("B T 4"), spec("4 3"))),
    Case(MatMul(), (spec("B 2 T 4"), spec("B 1 4 H"))),
    Case(MatMul(), (spec("4"), spec("B 4 3"))),
    Case(MatMul(), (spec("B T 4"), spec("4"))),
]
