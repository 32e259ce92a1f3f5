"""Sample inputs of the end of a sequence."""

from __future__ import annotations

from layercli.ops.last_steps import LastSteps
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [SampleInput(LastSteps(2), (spec("B 5 3"),)), SampleInput(LastSteps(4), (spec("B T 3 2"),))]
