"""Cases of what changes shapes and not values."""

from __future__ import annotations

from layercli.ops.numpy.rearrangement import Repeat, Tile
from layercli.ops.numpy.reshaping import BroadcastTo, ExpandDims, Reshape, Squeeze, Transpose
from layercli.ops.sample_inputs import Case, spec

STEPS, IMAGE = spec("B T 4"), spec("B H W 4")
BATCH, TIME = STEPS.shape[:2]

CASES = [
    Case(Reshape((-1, 2, 2)), (STEPS,)),
    Case(Reshape((-1,)), (STEPS,)),
    Case(Reshape((2, -1), batched=True), (STEPS,)),
    Case(Reshape((4, 2), batched=True), (spec("B 2 4"),)),
    Case(Reshape((BATCH, 4 * TIME), source=STEPS.shape), (STEPS,)),
    Case(Reshape((BATCH * TIME, -1), source=STEPS.shape), (STEPS,)),
    Case(Transpose((0, 2, 1)), (STEPS,)),
    Case(Transpose((-1, 0, 1)), (STEPS,)),
    Case(Transpose(), (IMAGE,)),
    Case(ExpandDims(0), (STEPS,)),
    Case(ExpandDims(-1), (STEPS,)),
    Case(Squeeze((1, -1)), (spec("B 1 4 1"),)),
    Case(Squeeze(), (spec("3 1 4 1"),)),
    Case(BroadcastTo((3, 5, 4)), (spec("5 1"),)),
    Case(BroadcastTo((BATCH, 6, TIME, 4), source=STEPS.shape), (STEPS,), sizes={"B": 1, "T": 5}),
    Case(Repeat(3, 1), (STEPS,)),
    Case(Repeat(2, -1), (STEPS,)),
    Case(Tile((2, 3)), (STEPS,)),
    Case(Tile((2, 1, 1, 3)), (STEPS,)),
]
