"""Sample inputs of categories."""

from __future__ import annotations

from layercli.ops.nn.category_encoding import Bucketize, CategoryCount, CategoryMultiHot, CategoryOneHot
from layercli.ops.sample_inputs import SampleInput, spec

WHOLE = spec("B 5", "int32")

CASES = [
    SampleInput(CategoryOneHot(5), (WHOLE,), differentiable=False),
    SampleInput(CategoryOneHot(5, "float16"), (spec("B 1", "int64"),), differentiable=False),
    SampleInput(CategoryOneHot(5), (spec("B"),), differentiable=False),
    SampleInput(CategoryMultiHot(5), (spec("B T", "int32"),), differentiable=False),
    SampleInput(CategoryMultiHot(5), (spec("B T 2"),), differentiable=False),
    SampleInput(CategoryMultiHot(5, "float16"), (spec("B", "int64"),), differentiable=False),
    SampleInput(CategoryCount(5), (spec("B T", "int32"),), differentiable=False),
    SampleInput(CategoryCount(5), (spec("B T 2", "int32"),), differentiable=False),
    SampleInput(CategoryCount(5), (spec("B T", "int32"), spec("B T"))),
    SampleInput(Bucketize((-1.0, 0.0, 0.5)), (spec("B T"),), differentiable=False),
    SampleInput(Bucketize((0.0, 2.0)), (spec("B T", "int64"),), differentiable=False),
]
