"""Sample inputs of loops."""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.ops.core.associative import AssociativeScan
from layercli.ops.core.host_function import HostFunction
from layercli.ops.core.loops import Map, Scan, While
from layercli.ops.numpy.elementwise import Binary, Unary
from layercli.ops.numpy.linear import MatMul
from layercli.ops.sample_inputs import SampleInput, spec

X = spec("B T 4")


def below_nine(total: Tensor, x: Tensor) -> Tensor:
    """Return whether the first value is less than 9."""
    return Binary("less")(total, 9)


def grown(total: Any, x: Tensor) -> Any:
    """Return the first value plus 2, and the sine of the second."""
    return total + 2, Unary("sin")(x)


def gram(x: Tensor) -> Any:
    """Return the product of a matrix with its own vector, and its sine."""
    return MatMul()(x, x), {"sine": Unary("sin")(x)}


def carried(carry: Any, x: Tensor) -> Any:
    """Return the sum of carry and x, and its square."""
    total = carry + x[0]
    return total, MatMul()(x[1], x[1])


CASES = [
    SampleInput(While(below_nine, grown, (None, None)), (spec("", "int64"), X), by_values=True),
    SampleInput(While(below_nine, grown, (None, None), 1), (spec("", "int64"), X), by_values=True),
    SampleInput(Map(gram), (spec("T 4 4"),)),
    SampleInput(Map(gram, None, True), (spec("T 4 4"),)),
    SampleInput(Map(Unary("exp")), (spec("T"),)),
    SampleInput(Scan(carried, None, (None, None)), (spec("3"), spec("5 3"), spec("5 2 2"))),
    SampleInput(Scan(carried, None, (None, None), backwards=True), (spec("B"), spec("T B"), spec("T 3 3"))),
    SampleInput(AssociativeScan(Binary("add")), (spec("7 B"),)),
    SampleInput(AssociativeScan(Binary("maximum"), None, True, 1), (spec("B 6 3"),)),
    SampleInput(HostFunction(abs), (spec("B T", "int64"),), by_values=True, differentiable=False),
    SampleInput(HostFunction(abs, "float32"), (spec("B T"),), by_values=True, differentiable=False),
]
