"""Sample inputs of flipping."""

from __future__ import annotations

from layercli.ops.image.flip import FlipSelected
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(FlipSelected((2,)), (spec("B H W 3"), spec("B 1")), constants=(1,)),
    SampleInput(FlipSelected((2, 3)), (spec("B 3 H W", "float16"), spec("B 1")), constants=(1,)),
]
