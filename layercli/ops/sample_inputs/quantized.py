"""Sample inputs of products of integers."""

from __future__ import annotations

from layercli.ops.nn.quantized import QuantizedEinsum, RoundTrip
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(
        QuantizedEinsum(equation), (spec(x), spec(kernel, "int8"), spec(scale)), low=1.0, high=5.0, differentiable=False
    )
    for equation, x, kernel, scale in (
        ("ab,bc->ac", "B 4", "4 3", "3"),
        ("...a,ab->...b", "B T 4", "4 3", "3"),
        ("btd,dhk->bthk", "B T 4", "4 2 3", "1 1 2 3"),
        ("abc,bcd->abd", "B 2 4", "2 4 3", "1 2 3"),
    )
] + [SampleInput(RoundTrip((-1,)), (spec("B 4"),), differentiable=False)]
