"""Sample inputs of a mixture of experts."""

from __future__ import annotations

from layercli.ops.experts import ExpertFeedForward
from layercli.ops.sample_inputs import SampleInput, spec

STACKED = (spec("5 6 4"), spec("5 6 4"), spec("5 4 6"))

CASES = [
    SampleInput(
        ExpertFeedForward(),
        (spec("B T 6"), spec("B T 2", "int64"), spec("B T 2"), *STACKED),
        low=0,
        high=5,
    ),
    SampleInput(
        ExpertFeedForward("gelu"),
        (spec("T 6"), spec("T 3", "int64"), spec("T 3"), *STACKED),
        low=0,
        high=5,
    ),
]
