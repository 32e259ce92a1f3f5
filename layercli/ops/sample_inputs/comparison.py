"""Sample inputs of comparisons, counts, unique values and segment reductions."""

from __future__ import annotations

from layercli.ops.math.segment import SEGMENTS, Segment
from layercli.ops.numpy.comparison import InTopK, IsClose, IsIn
from layercli.ops.numpy.histogram import BinCount, Digitize, Histogram, SearchSorted
from layercli.ops.numpy.quantiles import METHODS, Quantile
from layercli.ops.numpy.set_ops import Nonzero, Unique
from layercli.ops.sample_inputs import SampleInput, spec

X = spec("B T 4")
WHOLE = spec("B T", "int32")
IDS = spec("B", "int64")
BINS = spec("3")


def _asked(op: object, *inputs: object, by_values: bool = False) -> SampleInput:
    return SampleInput(op, inputs, differentiable=False, by_values=by_values)  # type: ignore[arg-type]  # an operation


CASES = [
    _asked(IsClose(), X, spec("T 1")),
    _asked(IsClose(0.1, 0.1, True), WHOLE, spec("T", "bool")),
    _asked(IsIn(), X, spec("3")),
    _asked(IsIn(True), WHOLE, spec("B 3")),
    _asked(InTopK(2), spec("B", "int32"), spec("B 5")),
    _asked(SearchSorted(), spec("H"), X),
    _asked(SearchSorted("right"), spec("H", "int32"), spec("", "float32")),
    _asked(Digitize(), X, BINS),
    _asked(Digitize(), WHOLE, spec("3", "int64")),
    _asked(BinCount(), spec("T", "int32"), by_values=True),
    _asked(BinCount(9), WHOLE, spec("B T"), by_values=True),
    _asked(Histogram(), spec("T")),
    _asked(Histogram(4, (-1.0, 1.0)), spec("B", "int32")),
    _asked(Nonzero(), WHOLE, by_values=True),
    _asked(Nonzero(), spec("T", "bool"), by_values=True),
    _asked(Unique(), spec("T", "int32"), by_values=True),
    _asked(Unique(1, True, True, True), WHOLE, by_values=True),
    _asked(Unique(0, True, True, True, 9), spec("T", "int32"), by_values=True),
    _asked(Unique(0, size=2), WHOLE, by_values=True),
    *(SampleInput(Segment(function, 5), (X, IDS)) for function in SEGMENTS),
    SampleInput(Segment("max", 3), (spec("B T", "int32"), IDS), differentiable=False),
    SampleInput(Segment("sum"), (X, IDS), by_values=True),
    *(SampleInput(Quantile(None, method), (X, spec("")), low=0, high=1, constants=(1,)) for method in METHODS),
    SampleInput(Quantile((0, -1), "linear", True), (X, spec("3")), low=0, high=1, constants=(1,)),
    SampleInput(
        Quantile((1,), "nearest", False, True), (spec("B T", "int32"), spec("3")), differentiable=False, low=0, high=1
    ),
]
