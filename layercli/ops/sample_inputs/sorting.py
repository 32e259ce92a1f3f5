"""Sample inputs of sorting, counting, cumulative functions, rolls, gather and scatter."""

from __future__ import annotations

from layercli.ops.core.dynamic_slice import Slice, SliceUpdate
from layercli.ops.core.scatter_gather import COMBINED, ScatterUpdate, Take, TakeAlongAxis
from layercli.ops.linalg.norms import Norm
from layercli.ops.numpy.cumulative import TOTALS, Cumulative
from layercli.ops.numpy.joining import Unstack
from layercli.ops.numpy.rearrangement import Flip, Roll
from layercli.ops.numpy.reductions import CountNonzero
from layercli.ops.numpy.sorting import ARG_EXTREMA, ArgExtremum, Argsort, Sort, TopK
from layercli.ops.numpy.triangular import TRIANGLES, Triangle
from layercli.ops.sample_inputs import SampleInput, spec
from layercli.ops.sample_inputs.invariants import unordered_top

X = spec("B T 4")
INF = float("inf")

CASES = [
    *(
        SampleInput(ArgExtremum(function, axis), (X,), differentiable=False)
        for function in ARG_EXTREMA
        for axis in (None, 0, -1)
    ),
    SampleInput(ArgExtremum("argmax", None, True), (X,), differentiable=False),
    SampleInput(ArgExtremum("argmin", 1, True), (spec("B T", "bool"),), differentiable=False),
    SampleInput(Sort(), (X,)),
    SampleInput(Sort(0), (spec("B T", "int32"),), differentiable=False),
    SampleInput(Argsort(1), (X,), differentiable=False),
    SampleInput(TopK(2), (X,)),
    SampleInput(TopK(3, False), (spec("B 7", "int32"),), differentiable=False, invariant=unordered_top),
    SampleInput(CountNonzero(), (X,), differentiable=False),
    SampleInput(CountNonzero((0, -1)), (spec("B T 4", "int32"),), differentiable=False),
    *(SampleInput(Cumulative(function, axis), (X,)) for function in TOTALS for axis in (0, -1)),
    SampleInput(Cumulative("cumsum", 1), (spec("B T", "int32"),), differentiable=False),
    SampleInput(Cumulative("cumprod", 1), (spec("B T", "bool"),), differentiable=False),
    SampleInput(Cumulative("cumsum", 0, "float64"), (spec("B T", "int32"),), differentiable=False),
    SampleInput(Norm(), (X,)),
    SampleInput(Norm(None, (0, 2), True), (X,)),
    *(SampleInput(Norm(order, -1), (X,)) for order in (1, 2, 3, 0.5, INF, -INF)),
    SampleInput(Norm(0, 1), (X,), differentiable=False),
    *(SampleInput(Norm(order, (0, 1), keep), (X,)) for order in ("fro", 1, -1, INF, -INF) for keep in (False, True)),
    *(SampleInput(Norm(order, (-2, -1)), (spec("B 3 4"),)) for order in ("nuc", 2, -2)),
    SampleInput(Norm(2, 0), (spec("T", "int32"),), differentiable=False),
    SampleInput(Flip(), (X,)),
    SampleInput(Flip(1), (X,)),
    SampleInput(Flip((0, -1)), (spec("B T", "bool"),), differentiable=False),
    SampleInput(Roll(2), (X,)),
    SampleInput(Roll(-1, 1), (X,)),
    SampleInput(Roll((1, 2), (0, -1)), (X,)),
    SampleInput(Roll(1, (0, 1)), (X,)),
    *(SampleInput(Triangle(function, k), (X,)) for function in TRIANGLES for k in (-1, 0, 2)),
    SampleInput(Triangle("tril"), (spec("T T", "bool"),), differentiable=False),
    SampleInput(Unstack(4, -1), (X,)),
    SampleInput(Unstack(2), (spec("2 T"),)),
    SampleInput(Take(1), (spec("B 5 4"), spec("3 H", "int64")), low=0, high=5),
    SampleInput(Take(-1), (X, spec("", "int32")), low=0, high=4),
    SampleInput(TakeAlongAxis(1), (spec("B 5 4"), spec("B T 4", "int64")), low=0, high=5),
    SampleInput(TakeAlongAxis(-1), (X, spec("1 T 2", "int32")), low=0, high=4),
    SampleInput(Slice((-1, 2, 3), (0, 1, 1)), (spec("B 4 4"),)),
    SampleInput(Slice((1, 2)), (spec("B 4"), spec("2", "int64")), low=0, high=2),
    SampleInput(SliceUpdate((0, 1, 2)), (spec("3 T 4"), spec("2 1 2"))),
    SampleInput(SliceUpdate(), (spec("B 4"), spec("1 2"), spec("2", "int64")), low=0, high=2),
    *(
        SampleInput(ScatterUpdate(reduction), (spec("4 T"), spec("3 1", "int64"), spec("3 T")), low=0, high=4)
        for reduction in COMBINED
        if reduction != "mul"
    ),
    SampleInput(ScatterUpdate("add"), (spec("4 5 T"), spec("H 2", "int32"), spec("H T")), low=0, high=4),
    SampleInput(ScatterUpdate("mul"), (spec("4 T"), spec("3 1", "int64"), spec("3 T")), low=1, high=4),
]
