"""Cases of what joins, cuts and pads."""

from __future__ import annotations

from layercli.ops.core.slicing import GetItem, Range
from layercli.ops.numpy.joining import Concatenate, Split, Stack
from layercli.ops.numpy.linear import BatchDot
from layercli.ops.numpy.padding import MIRRORS, Crop, Pad
from layercli.ops.sample_inputs import Case, spec

STEPS = spec("B T 4")

CASES = [
    Case(Concatenate(), (STEPS, spec("B T 3"), spec("B T 2"))),
    Case(Concatenate(1), (STEPS, spec("B H 4"))),
    Case(Concatenate(0), (STEPS, spec("B T 4", "float16"))),
    Case(Stack(), (STEPS, STEPS)),
    Case(Stack(-1), (STEPS, spec("B T 4", "float64"), STEPS)),
    Case(Split(2, -1), (STEPS,)),
    Case(Split(3, 0), (spec("B 2"),), sizes={"B": 6}),
    Case(Split(axis=2, at=(1, 3)), (STEPS,)),
    Case(Split(axis=1, at=(1,)), (STEPS,)),
    Case(Pad(((0, 0), (1, 2), (0, 3))), (STEPS,)),
    Case(Pad(((0, 0), (1, 0)), value=7.5), (spec("B 3"),)),
    Case(Pad(((0, 0), (1, 0)), value=2), (spec("B 3", "int32"),), differentiable=False),
    *(Case(Pad(((0, 0), (3, 2), (0, 1)), mode), (STEPS,)) for mode in MIRRORS),
    Case(Crop(((0, 0), (1, 2), (0, 1))), (STEPS,)),
    Case(GetItem((0,)), (STEPS,)),
    Case(GetItem((..., None, -1)), (STEPS,)),
    Case(GetItem((Range(), Range(1), Range(1, 3))), (STEPS,)),
    Case(GetItem((Range(), Range(None, -1), None, Range(None, None, 3))), (STEPS,)),
    Case(GetItem((Range(), Range(-1))), (STEPS,)),
    Case(GetItem((Range(), Range(), Range(1, -1, 2))), (STEPS,)),
    Case(GetItem((Range(), Range(None, None, 2))), (STEPS,)),
    Case(BatchDot((1, 1)), (spec("B 4"), spec("B 4"))),
    Case(BatchDot((2, 1)), (STEPS, spec("B 4 3"))),
    Case(BatchDot((-1, -1)), (STEPS, spec("B H 4"))),
    Case(BatchDot((1, 2)), (spec("B T H 2"), spec("B 3 T"))),
    Case(BatchDot((1, 1)), (spec("B T 2"), spec("B T"))),
]
