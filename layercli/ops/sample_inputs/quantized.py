"""Sample inputs of products of integers."""

from __future__ import annotations

from layercli.ops.nn.float8 import Float8Einsum
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
] + [
    SampleInput(
        Float8Einsum("...a,ab->...b"),
        (spec("B T 4"), spec("4 3"), *(spec(size) for _ in range(3) for size in ("", "5"))),
        low=1.0,
        high=5.0,
        differentiable=False,
    ),
    SampleInput(RoundTrip((-1,)), (spec("B 4"),), differentiable=False),
]
