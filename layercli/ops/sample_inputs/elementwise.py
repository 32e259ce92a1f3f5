"""Cases of the elementwise operations."""

from __future__ import annotations

from layercli.ops.core.conversion import Cast
from layercli.ops.image.rescale import Rescale, Standardize
from layercli.ops.numpy.creation import FullLike
from layercli.ops.numpy.elementwise import BINARY, BITS, GIVE_BOOL, PREDICATES, UNARY, WHOLE, Binary, Unary, Where
from layercli.ops.sample_inputs import Case, spec

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


def _case(op: Unary | Binary, *inputs: object) -> Case:
    bounds = (0.5, 3.0) if op.function in POSITIVE else (-0.9, 0.9) if op.function in INSIDE else (None, None)
    bounds = (1.5, 3.0) if op.function == "arccosh" else bounds
    return Case(op, inputs, low=bounds[0], high=bounds[1], differentiable=op.function not in STEPS)


def _dtype(function: str) -> str:
    return "int32" if function in {*BITS, *WHOLE} else "float32"


CASES = [
    *(_case(Unary(function), spec("B T 3", _dtype(function))) for function in UNARY),
    *(Case(Unary(function), (spec("B T", "complex64"),), differentiable=False) for function in COMPLEX),
    *(
        Case(Unary(function), (spec("B T", "int32"),), differentiable=False)
        for function in ("fabs", "i0", "real", "cbrt")
    ),
    Case(Unary("bitwise_not"), (spec("B", "bool"),), differentiable=False),
    Case(Binary("ldexp"), (spec("B 3"), spec("3", "int32"))),
    Case(Binary("ldexp"), (spec("B 3", "int32"), spec("3", "int32")), differentiable=False),
    Case(Binary("heaviside"), (spec("B 3", "int32"), 0.5), differentiable=False),
    Case(Binary("left_shift"), (spec("B 3", "int32"), 2), differentiable=False),
    Case(Binary("bitwise_xor"), (spec("B 3", "bool"), spec("3", "int32")), differentiable=False),
    Case(Binary("fmax"), (spec("B 3", "int32"), 0.5), differentiable=False),
    Case(Unary("exp"), (spec("B 3", "int32"),), differentiable=False),
    Case(Unary("relu"), (spec("B 3", "int32"),), differentiable=False),
    *(_case(Binary(function), *(spec(sizes, _dtype(function)) for sizes in ("B T 3", "T 1"))) for function in BINARY),
    Case(Binary("add"), (spec("B 3"), 2)),
    Case(Binary("add"), (2.5, spec("B 3", "int64")), differentiable=False),
    Case(Binary("divide"), (spec("B 3", "int64"), spec("3", "int64")), low=1, high=9, differentiable=False),
    Case(Binary("multiply"), (spec("B 3", "float16"), spec("", "float32"))),
    Case(Binary("maximum"), (spec("B 3"), 0.5)),
    Case(Binary("maximum"), (spec("B 3", "int32"), 0.5), differentiable=False),
    Case(Binary("hypot"), (spec("B 3", "int32"), spec("B 3", "int64")), differentiable=False),
    Case(Binary("logaddexp"), (spec("B 3", "int32"), spec("3", "float16"))),
    Case(Binary("divide_no_nan"), (spec("B 3"), spec("B 3", "int32")), low=0, high=2),
    Case(Binary("arctan2"), (1, spec("B 3", "bool")), differentiable=False),
    Case(Binary("logical_xor"), (spec("B 3"), True), differentiable=False),
    Case(Cast("int32"), (spec("B 3"),), differentiable=False),
    Case(Cast("float64"), (spec("B 3"),)),
    Case(FullLike(1, "bool"), (spec("B T 3"),), differentiable=False),
    Case(FullLike(0.5), (spec("B T 3"),), differentiable=False),
    Case(Rescale(0.5, -1.0), (spec("B T 3"),)),
    Case(Rescale((0.5, 2.0, 3.0), 1.0), (spec("B T 1", "float16"),)),
    Case(Rescale(2.0, (1.0, 2.0, 3.0)), (spec("B 3"),)),
    Case(Standardize((2,)), (spec("B T 3"), spec("3"), spec("3")), low=0.5, high=2.0),
    Case(Standardize((1, 3), invert=True), (spec("B 4 T 3"), spec("4 3"), spec("4 3")), low=0.5, high=2.0),
    Case(Standardize(()), (spec("B T"), spec(""), spec("")), low=0.5, high=2.0),
    Case(Where(), (spec("B 3", "bool"), spec("B 1"), spec("3"))),
    Case(Where(), (spec("B 3", "bool"), 1, 0.5), differentiable=False),
]
