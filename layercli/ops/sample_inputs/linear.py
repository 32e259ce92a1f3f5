"""Sample inputs of the matrix products."""

from __future__ import annotations

from layercli.ops.numpy.linear import Linear, MatMul
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(Linear(), (spec("B 4"), spec("4 3"), spec("3"))),
    SampleInput(Linear(), (spec("B T 4"), spec("4 3"), None)),
    SampleInput(Linear(), (spec("4"), spec("4 3"), spec("3"))),
    SampleInput(MatMul(), (spec("B T 4"), spec("4 3"))),
    SampleInput(MatMul(), (spec("B 2 T 4"), spec("B 1 4 H"))),
    SampleInput(MatMul(), (spec("4"), spec("B 4 3"))),
    SampleInput(MatMul(), (spec("B T 4"), spec("4"))),
    SampleInput(MatMul(), (spec("B T 4", "int8"), spec("4 3", "int8")), differentiable=False),
]
