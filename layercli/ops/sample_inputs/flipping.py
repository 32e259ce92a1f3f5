"""Cases of flipping."""

from __future__ import annotations

from layercli.ops.image.flip import Flip
from layercli.ops.sample_inputs import Case, spec

CASES = [
    Case(Flip((2,)), (spec("B H W 3"), spec("B 1")), constants=(1,)),
    Case(Flip((2, 3)), (spec("B 3 H W", "float16"), spec("B 1")), constants=(1,)),
]
