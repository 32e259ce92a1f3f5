"""Sample inputs of rotary positions."""

from __future__ import annotations

from layercli.ops.nn.rotary_embedding import Rotary, RotaryAngles, Rotate
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(Rotary(), (spec("B T 2 6"),)),
    SampleInput(Rotary(base=500_000.0), (spec("B T H 4"),)),
    SampleInput(RotaryAngles((1.0, 0.1, 0.01), 1.5), (spec("B T", "int32"),), differentiable=False),
    SampleInput(Rotate(), (spec("B T 2 6"), spec("B T 3"), spec("B T 3"))),
    SampleInput(Rotate(interleaved=True), (spec("B T 2 7"), spec("1 T 2"), spec("1 T 2"))),
]
