"""Sample inputs of the reductions."""

from __future__ import annotations

from layercli.ops.numpy.reductions import REDUCTIONS, Reduction
from layercli.ops.sample_inputs import SampleInput, spec

TRUTHS = {"all", "any"}


def _case(function: str, axis: int | tuple[int, ...] | None, keepdims: bool, dtype: str) -> SampleInput:
    smooth = function not in TRUTHS and dtype == "float32"
    return SampleInput(Reduction(function, axis, keepdims), (spec("B T 4", dtype),), differentiable=smooth)


CASES = [
    *(_case(function, -1, False, "float32") for function in REDUCTIONS),
    *(_case(function, (0, -2), True, "float32") for function in REDUCTIONS),
    *(_case(function, (-1, 0), False, "float32") for function in REDUCTIONS),
    *(_case(function, None, True, "float32") for function in REDUCTIONS),
    *(_case(function, 1, False, "int32") for function in REDUCTIONS),
    *(_case(function, (1, 2), False, "bool") for function in ("sum", "mean", "prod", "all", "any")),
    SampleInput(Reduction("max", 1, False, 0.5), (spec("B T 4"),)),
    SampleInput(Reduction("min", None, True, -0.5), (spec("B T 4"),)),
    SampleInput(Reduction("max", 1, False, 7.0), (spec("B 0 4", "int32"),), differentiable=False),
]
