"""Cases of merged directions and of steps as examples."""

from __future__ import annotations

from layercli.ops.cases import Case, spec
from layercli.ops.merged_directions import Concatenated, ExamplesAsSteps, Reversed, StepsAsExamples

CASES = [
    Case(Reversed(), (spec("B T 3"),)),
    Case(Concatenated(), (spec("B T 3"), spec("B T 4"))),
    Case(StepsAsExamples(), (spec("B T 3"),)),
    Case(ExamplesAsSteps(), (spec("10 4"), spec("2 5 3")), constants=(1,)),
]
