"""Sample inputs of the steps of a sequence."""

from __future__ import annotations

from layercli.ops.nn.time_folding import MergeTimeIntoBatch, ReverseTime, SplitTimeFromBatch
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(ReverseTime(), (spec("B T 3"),)),
    SampleInput(MergeTimeIntoBatch(), (spec("B T 3"),)),
    SampleInput(SplitTimeFromBatch(), (spec("10 4"), spec("2 5 3")), constants=(1,)),
]
