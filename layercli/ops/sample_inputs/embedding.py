"""Cases of looking up and of padding."""

from __future__ import annotations

from layercli.ops.nn.embedding import Blank, Lookup
from layercli.ops.sample_inputs import Case, spec

CASES = [
    Case(Lookup(), (spec("B T", "int64"), spec("5 3"))),
    Case(Lookup(), (spec("B", "int32"), spec("5 3", "float16"))),
    Case(Lookup(), (spec("B T 2", "uint8"), spec("5 3"))),
    Case(Lookup(), (spec("B T"), spec("5 3")), low=0.0, high=4.9, constants=(0,)),
    Case(Blank(), (spec("B T 3"), spec("B T", "bool"))),
    Case(Blank(), (spec("B T 3 2"), spec("B T", "bool"))),
]
