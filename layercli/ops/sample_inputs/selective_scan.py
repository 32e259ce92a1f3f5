"""Sample inputs of selective state space models."""

from __future__ import annotations

from layercli.ops.sample_inputs import SampleInput, spec
from layercli.ops.selective_scan import SelectiveScan

SCANNED = (spec("B T 4"), spec("B T 4"), spec("4 3"), spec("B T 3"), spec("B T 3"))

CASES = [
    SampleInput(SelectiveScan(), SCANNED, low=-1, high=0.5),
    SampleInput(SelectiveScan(), (*SCANNED, spec("B 4 3")), low=-1, high=0.5),
]
