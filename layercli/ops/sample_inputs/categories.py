"""Cases of categories."""

from __future__ import annotations

from layercli.ops.nn.category_encoding import Count, Digitize, MultiHot, OneHot
from layercli.ops.sample_inputs import Case, spec

WHOLE = spec("B 5", "int32")

CASES = [
    Case(OneHot(4), (WHOLE,), differentiable=False),
    Case(OneHot(4, "float16"), (spec("B 1", "int64"),), differentiable=False),
    Case(OneHot(4), (spec("B"),), differentiable=False),
    Case(MultiHot(4), (spec("B T", "int32"),), differentiable=False),
    Case(MultiHot(4), (spec("B T 2"),), differentiable=False),
    Case(MultiHot(4, "float16"), (spec("B", "int64"),), differentiable=False),
    Case(Count(4), (spec("B T", "int32"),), differentiable=False),
    Case(Count(4), (spec("B T 2", "int32"),), differentiable=False),
    Case(Count(4), (spec("B T", "int32"), spec("B T"))),
    Case(Digitize((-1.0, 0.0, 0.5)), (spec("B T"),), differentiable=False),
    Case(Digitize((0.0, 2.0)), (spec("B T", "int64"),), differentiable=False),
]
