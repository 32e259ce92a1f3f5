"""Cases of what orders values, counts and adds them up along an axis, moves them, and finds or writes them by number."""

from __future__ import annotations

from layercli.ops.cases.invariants import unordered_top
from layercli.ops.core.dynamic_slice import Slice, SliceUpdate
from layercli.ops.core.scatter_gather import COMBINED, ScatterUpdate, Take, TakeAlongAxis
from layercli.ops.linalg.norms import Norm
from layercli.ops.numpy.cumulative import TOTALS, Running
from layercli.ops.numpy.joining import Unstack
from layercli.ops.numpy.rearrangement import Flip, Roll
from layercli.ops.numpy.reductions import CountNonzero
from layercli.ops.numpy.sorting import EXTREMES, Argsort, Extreme, Sort, TopK
from layercli.ops.numpy.triangular import TRIANGLES, Triangle
from layercli.ops.sample_inputs import Case, spec

X = spec("B T 4")
INF = float("inf")

CASES = [
    *(Case(Extreme(function, axis), (X,), differentiable=False) for function in EXTREMES for axis in (None, 0, -1)),
    Case(Extreme("argmax", None, True), (X,), differentiable=False),
    Case(Extreme("argmin", 1, True), (spec("B T", "bool"),), differentiable=False),
    Case(Sort(), (X,)),
    Case(Sort(0), (spec("B T", "int32"),), differentiable=False),
    Case(Argsort(1), (X,), differentiable=False),
    Case(TopK(2), (X,)),
    Case(TopK(3, False), (spec("B 7", "int32"),), differentiable=False, invariant=unordered_top),
    Case(CountNonzero(), (X,), differentiable=False),
    Case(CountNonzero((0, -1)), (spec("B T 4", "int32"),), differentiable=False),
    *(Case(Running(function, axis), (X,)) for function in TOTALS for axis in (0, -1)),
    Case(Running("cumsum", 1), (spec("B T", "int32"),), differentiable=False),
    Case(Running("cumprod", 1), (spec("B T", "bool"),), differentiable=False),
    Case(Running("cumsum", 0, "float64"), (spec("B T", "int32"),), differentiable=False),
    Case(Norm(), (X,)),
    Case(Norm(None, (0, 2), True), (X,)),
    *(Case(Norm(order, -1), (X,)) for order in (1, 2, 3, 0.5, INF, -INF)),
    Case(Norm(0, 1), (X,), differentiable=False),
    *(Case(Norm(order, (0, 1), keep), (X,)) for order in ("fro", 1, -1, INF, -INF) for keep in (False, True)),
    *(Case(Norm(order, (-2, -1)), (spec("B 3 4"),)) for order in ("nuc", 2, -2)),
    Case(Norm(2, 0), (spec("T", "int32"),), differentiable=False),
    Case(Flip(), (X,)),
    Case(Flip(1), (X,)),
    Case(Flip((0, -1)), (spec("B T", "bool"),), differentiable=False),
    Case(Roll(2), (X,)),
    Case(Roll(-1, 1), (X,)),
    Case(Roll((1, 2), (0, -1)), (X,)),
    Case(Roll(1, (0, 1)), (X,)),
    *(Case(Triangle(function, k), (X,)) for function in TRIANGLES for k in (-1, 0, 2)),
    Case(Triangle("tril"), (spec("T T", "bool"),), differentiable=False),
    Case(Unstack(4, -1), (X,)),
    Case(Unstack(2), (spec("2 T"),)),
    Case(Take(1), (spec("B 5 4"), spec("3 H", "int64")), low=0, high=5),
    Case(Take(-1), (X, spec("", "int32")), low=0, high=4),
    Case(TakeAlongAxis(1), (spec("B 5 4"), spec("B T 4", "int64")), low=0, high=5),
    Case(TakeAlongAxis(-1), (X, spec("1 T 2", "int32")), low=0, high=4),
    Case(Slice((-1, 2, 3), (0, 1, 1)), (spec("B 4 4"),)),
    Case(Slice((1, 2)), (spec("B 4"), spec("2", "int64")), low=0, high=2),
    Case(SliceUpdate((0, 1, 2)), (spec("3 T 4"), spec("2 1 2"))),
    Case(SliceUpdate(), (spec("B 4"), spec("1 2"), spec("2", "int64")), low=0, high=2),
    *(
        Case(ScatterUpdate(reduction), (spec("4 T"), spec("3 1", "int64"), spec("3 T")), low=0, high=4)
        for reduction in COMBINED
        if reduction != "mul"
    ),
    Case(ScatterUpdate("add"), (spec("4 5 T"), spec("H 2", "int32"), spec("H T")), low=0, high=4),
    Case(ScatterUpdate("mul"), (spec("4 T"), spec("3 1", "int64"), spec("3 T")), low=1, high=4),
]
