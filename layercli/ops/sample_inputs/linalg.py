"""Sample inputs of linear algebra."""

from __future__ import annotations

from layercli.ops.linalg.decompositions import (
    OF_SQUARES,
    LuFactor,
    MatrixRank,
    OfSquare,
    PseudoInverse,
    Qr,
    SingularValues,
    Svd,
)
from layercli.ops.linalg.solvers import LeastSquares, Solve
from layercli.ops.sample_inputs import SampleInput, spec
from layercli.ops.sample_inputs.invariants import (
    eigenvectors,
    orthogonal_triangular,
    singular_vectors,
    symmetric_eigenvectors,
)

SQUARE, WIDE, TALL = spec("B 4 4"), spec("B 3 5"), spec("B 5 3")
OUT_OF_LAW = {"cholesky", "cholesky upper", "eig", "eigh", "cholesky_inverse", "cholesky_inverse upper"}
"""Functions that need special matrices, or have no gradient for most matrices."""

NOT_UNIQUE = {"eig": eigenvectors, "eigh": symmetric_eigenvectors}
"""Invariants of the functions whose outputs are not unique."""

CASES = [
    *(
        SampleInput(
            OfSquare(function),
            (spec("B 1 1") if "cholesky" in function else SQUARE,),
            low=0.5,
            high=2,
            differentiable=False,
            invariant=NOT_UNIQUE.get(function),
        )
        for function in OF_SQUARES
        if function in OUT_OF_LAW
    ),
    *(SampleInput(OfSquare(function), (SQUARE,)) for function in OF_SQUARES if function not in OUT_OF_LAW),
    SampleInput(OfSquare("inv"), (spec("T T", "float64"),)),
    *(
        SampleInput(Qr(mode), (x,), differentiable=False, invariant=orthogonal_triangular)
        for mode in ("reduced", "complete")
        for x in (SQUARE, TALL, WIDE)
    ),
    *(
        SampleInput(Svd(full), (x,), differentiable=False, invariant=singular_vectors)
        for full in (True, False)
        for x in (SQUARE, TALL, WIDE)
    ),
    SampleInput(SingularValues(), (TALL,)),
    SampleInput(LuFactor(), (TALL,), differentiable=False),
    SampleInput(LuFactor(), (SQUARE,), differentiable=False),
    SampleInput(PseudoInverse(), (SQUARE,), differentiable=False),
    SampleInput(MatrixRank(), (TALL,), differentiable=False),
    SampleInput(MatrixRank(0.5), (SQUARE,), differentiable=False),
    SampleInput(Solve(), (SQUARE, spec("B 4 T"))),
    SampleInput(Solve(), (spec("B 1 4 4"), spec("T 4 2"))),
    SampleInput(Solve("lower"), (SQUARE, spec("4"))),
    SampleInput(Solve("upper"), (SQUARE, spec("B 4 T"))),
    SampleInput(LeastSquares(), (spec("6 4"), spec("6 T")), differentiable=False),
    SampleInput(LeastSquares(0.1), (spec("6 4"), spec("6")), differentiable=False),
]
