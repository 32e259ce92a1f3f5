"""Cases of the steps of a sequence."""

from __future__ import annotations

from layercli.ops.nn.time_folding import ExamplesAsSteps, Reversed, StepsAsExamples
from layercli.ops.sample_inputs import Case, spec

CASES = [
    Case(Reversed(), (spec("B T 3"),)),
    Case(StepsAsExamples(), (spec("B T 3"),)),
    Case(ExamplesAsSteps(), (spec("10 4"), spec("2 5 3")), constants=(1,)),
]
