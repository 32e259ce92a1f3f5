"""Sample inputs of reshaping and transposition."""

from __future__ import annotations

from layercli.ops.numpy.rearrangement import RepeatElements, Tile
from layercli.ops.numpy.reshaping import BroadcastTo, ExpandDims, ReshapeTensor, Squeeze, Transpose
from layercli.ops.sample_inputs import SampleInput, spec

STEPS, IMAGE = spec("B T 4"), spec("B H W 4")
BATCH, TIME = STEPS.shape[:2]

CASES = [
    SampleInput(ReshapeTensor((-1, 2, 2)), (STEPS,)),
    SampleInput(ReshapeTensor((-1,)), (STEPS,)),
    SampleInput(ReshapeTensor((2, -1), batched=True), (STEPS,)),
    SampleInput(ReshapeTensor((4, 2), batched=True), (spec("B 2 4"),)),
    SampleInput(ReshapeTensor((BATCH, 4 * TIME), source=STEPS.shape), (STEPS,)),
    SampleInput(ReshapeTensor((BATCH * TIME, -1), source=STEPS.shape), (STEPS,)),
    SampleInput(Transpose((0, 2, 1)), (STEPS,)),
    SampleInput(Transpose((-1, 0, 1)), (STEPS,)),
    SampleInput(Transpose(), (IMAGE,)),
    SampleInput(ExpandDims(0), (STEPS,)),
    SampleInput(ExpandDims(-1), (STEPS,)),
    SampleInput(Squeeze((1, -1)), (spec("B 1 4 1"),)),
    SampleInput(Squeeze(), (spec("3 1 4 1"),)),
    SampleInput(BroadcastTo((3, 5, 4)), (spec("5 1"),)),
    SampleInput(BroadcastTo((BATCH, 6, TIME, 4), source=STEPS.shape), (STEPS,), sizes={"B": 1, "T": 5}),
    SampleInput(RepeatElements(3, 1), (STEPS,)),
    SampleInput(RepeatElements(2, -1), (STEPS,)),
    SampleInput(Tile((2, 3)), (STEPS,)),
    SampleInput(Tile((2, 1, 1, 3)), (STEPS,)),
]
