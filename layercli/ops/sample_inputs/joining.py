"""Sample inputs of concatenation, splitting, cropping and padding."""

from __future__ import annotations

from layercli.ops.core.slicing import GetItem, StridedSlice
from layercli.ops.numpy.joining import ConcatenateTensors, Split, Stack
from layercli.ops.numpy.linear import BatchDot
from layercli.ops.numpy.padding import MIRRORS, Crop, Pad
from layercli.ops.sample_inputs import SampleInput, spec

STEPS = spec("B T 4")

CASES = [
    SampleInput(ConcatenateTensors(), (STEPS, spec("B T 3"), spec("B T 2"))),
    SampleInput(ConcatenateTensors(1), (STEPS, spec("B H 4"))),
    SampleInput(ConcatenateTensors(0), (STEPS, spec("B T 4", "float16"))),
    SampleInput(Stack(), (STEPS, STEPS)),
    SampleInput(Stack(-1), (STEPS, spec("B T 4", "float64"), STEPS)),
    SampleInput(Split(2, -1), (STEPS,)),
    SampleInput(Split(3, 0), (spec("B 2"),), sizes={"B": 6}),
    SampleInput(Split(axis=2, at=(1, 3)), (STEPS,)),
    SampleInput(Split(axis=1, at=(1,)), (STEPS,)),
    SampleInput(Pad(((0, 0), (1, 2), (0, 3))), (STEPS,)),
    SampleInput(Pad(((0, 0), (1, 0)), value=7.5), (spec("B 3"),)),
    SampleInput(Pad(((0, 0), (1, 0)), value=2), (spec("B 3", "int32"),), differentiable=False),
    *(SampleInput(Pad(((0, 0), (3, 2), (0, 1)), mode), (STEPS,)) for mode in MIRRORS),
    SampleInput(Crop(((0, 0), (1, 2), (0, 1))), (STEPS,)),
    SampleInput(GetItem((0,)), (STEPS,)),
    SampleInput(GetItem((..., None, -1)), (STEPS,)),
    SampleInput(GetItem((StridedSlice(), StridedSlice(1), StridedSlice(1, 3))), (STEPS,)),
    SampleInput(GetItem((StridedSlice(), StridedSlice(None, -1), None, StridedSlice(None, None, 3))), (STEPS,)),
    SampleInput(GetItem((StridedSlice(), StridedSlice(-1))), (STEPS,)),
    SampleInput(GetItem((StridedSlice(), StridedSlice(), StridedSlice(1, -1, 2))), (STEPS,)),
    SampleInput(GetItem((StridedSlice(), StridedSlice(None, None, 2))), (STEPS,)),
    SampleInput(BatchDot((1, 1)), (spec("B 4"), spec("B 4"))),
    SampleInput(BatchDot((2, 1)), (STEPS, spec("B 4 3"))),
    SampleInput(BatchDot((-1, -1)), (STEPS, spec("B H 4"))),
    SampleInput(BatchDot((1, 2)), (spec("B T H 2"), spec("B 3 T"))),
    SampleInput(BatchDot((1, 1)), (spec("B T 2"), spec("B T"))),
]
