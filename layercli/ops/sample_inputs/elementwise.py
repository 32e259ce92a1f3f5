"""Sample inputs of the elementwise operations."""

from __future__ import annotations

from layercli.ops.core.conversion import Cast
from layercli.ops.image.rescale import Rescale, Standardize
from layercli.ops.numpy.arithmetic import Round
from layercli.ops.numpy.creation import FullLike
from layercli.ops.numpy.elementwise import BINARY, BITS, GIVE_BOOL, PREDICATES, UNARY, WHOLE, Binary, Unary, Where
from layercli.ops.sample_inputs import SampleInput, spec

STEPS = {"ceil", "floor", "round", "sign", "trunc", "floor_divide", "mod", "logical_not", *GIVE_BOOL, *PREDICATES} | {
    *BITS, *WHOLE, "heaviside", "nextafter", "fmod", "imag", "angle",
}  # fmt: skip
POSITIVE = (
    {"log", "log10", "log1p", "log2", "reciprocal", "rsqrt", "sqrt"}
    | {"cbrt", "left_shift", "right_shift", "sinc", "i0", "fmod"}
    | {"arctan2", "divide_no_nan", "hypot", "power", "mod", "floor_divide"}
)  # fmt: skip
COMPLEX = ("absolute", "angle", "conj", "copy", "exp", "imag", "isreal", "real")
INSIDE = {"arccos", "arcsin", "arctanh", "erfinv", "tan"}


def _case(op: Unary | Binary, *inputs: object) -> SampleInput:
    bounds = (0.5, 3.0) if op.function in POSITIVE else (-0.9, 0.9) if op.function in INSIDE else (None, None)
    bounds = (1.5, 3.0) if op.function == "arccosh" else bounds
    return SampleInput(op, inputs, low=bounds[0], high=bounds[1], differentiable=op.function not in STEPS)


def _dtype(function: str) -> str:
    return "int32" if function in {*BITS, *WHOLE} else "float32"


CASES = [
    *(_case(Unary(function), spec("B T 3", _dtype(function))) for function in UNARY),
    *(SampleInput(Unary(function), (spec("B T", "complex64"),), differentiable=False) for function in COMPLEX),
    *(
        SampleInput(Unary(function), (spec("B T", "int32"),), differentiable=False)
        for function in ("fabs", "i0", "real", "cbrt")
    ),
    SampleInput(Unary("bitwise_not"), (spec("B", "bool"),), differentiable=False),
    SampleInput(Binary("ldexp"), (spec("B 3"), spec("3", "int32"))),
    SampleInput(Binary("ldexp"), (spec("B 3", "int32"), spec("3", "int32")), differentiable=False),
    SampleInput(Binary("heaviside"), (spec("B 3", "int32"), 0.5), differentiable=False),
    SampleInput(Binary("left_shift"), (spec("B 3", "int32"), 2), differentiable=False),
    SampleInput(Binary("bitwise_xor"), (spec("B 3", "bool"), spec("3", "int32")), differentiable=False),
    SampleInput(Binary("fmax"), (spec("B 3", "int32"), 0.5), differentiable=False),
    SampleInput(Unary("exp"), (spec("B 3", "int32"),), differentiable=False),
    SampleInput(Unary("relu"), (spec("B 3", "int32"),), differentiable=False),
    *(
        _case(Binary(function), *(spec(sizes, _dtype(function)) for sizes in ("B T 3", "T 1")))
        for function in BINARY
        if function != "ldexp"
    ),
    SampleInput(Binary("add"), (spec("B 3"), 2)),
    SampleInput(Binary("add"), (2.5, spec("B 3", "int64")), differentiable=False),
    SampleInput(Binary("divide"), (spec("B 3", "int64"), spec("3", "int64")), low=1, high=9, differentiable=False),
    SampleInput(Binary("multiply"), (spec("B 3", "float16"), spec("", "float32"))),
    SampleInput(Binary("maximum"), (spec("B 3"), 0.5)),
    SampleInput(Binary("maximum"), (spec("B 3", "int32"), 0.5), differentiable=False),
    SampleInput(Binary("hypot"), (spec("B 3", "int32"), spec("B 3", "int64")), differentiable=False),
    SampleInput(Binary("logaddexp"), (spec("B 3", "int32"), spec("3", "float16"))),
    SampleInput(Binary("divide_no_nan"), (spec("B 3"), spec("B 3", "int32")), low=0, high=2),
    SampleInput(Binary("arctan2"), (1, spec("B 3", "bool")), differentiable=False),
    SampleInput(Binary("logical_xor"), (spec("B 3"), True), differentiable=False),
    SampleInput(Cast("int32"), (spec("B 3"),), differentiable=False),
    SampleInput(Cast("float64"), (spec("B 3"),)),
    SampleInput(FullLike(1, "bool"), (spec("B T 3"),), differentiable=False),
    SampleInput(FullLike(0.5), (spec("B T 3"),), differentiable=False),
    SampleInput(Rescale(0.5, -1.0), (spec("B T 3"),)),
    SampleInput(Rescale((0.5, 2.0, 3.0), 1.0), (spec("B T 1", "float16"),)),
    SampleInput(Rescale(2.0, (1.0, 2.0, 3.0)), (spec("B 3"),)),
    SampleInput(Standardize((2,)), (spec("B T 3"), spec("3"), spec("3")), low=0.5, high=2.0),
    SampleInput(Standardize((1, 3), invert=True), (spec("B 4 T 3"), spec("4 3"), spec("4 3")), low=0.5, high=2.0),
    SampleInput(Standardize(()), (spec("B T"), spec(""), spec("")), low=0.5, high=2.0),
    SampleInput(Where(), (spec("B 3", "bool"), spec("B 1"), spec("3"))),
    SampleInput(Where(), (spec("B 3", "bool"), 1, 0.5), differentiable=False),
    SampleInput(Round(1), (spec("B T 3"),), differentiable=False),
    SampleInput(Round(-1), (spec("B 3", "int32"),), differentiable=False),
]
