"""Cases of the activation functions."""

from __future__ import annotations

from layercli.ops.nn.activations import CURVES, Curve, Glu, LogSoftmax, PRelu, Relu, ReluInPlace, Softmax, Sparsemax
from layercli.ops.sample_inputs import Case, spec

SETTINGS = {
    "celu": (0.7,), "elu": (0.7,), "gelu": (True,), "hard_shrink": (0.4,), "leaky_relu": (0.2,), "soft_shrink": (0.4,),
    "squareplus": (4.0,), "threshold": (0.3, -0.5),
}  # fmt: skip

CASES = [
    *(Case(Curve(function, SETTINGS.get(function, ())), (spec("B T 3"),)) for function in CURVES),
    Case(Curve("gelu", (False,)), (spec("B 3"),)),
    Case(Curve("softplus"), (spec("B 3", "int32"),), differentiable=False),
    Case(Relu(), (spec("B 3"),)),
    Case(ReluInPlace(), (spec("B 3"),)),
    Case(Relu(), (spec("B 3", "int32"),), differentiable=False),
    Case(Relu(0.1, 1.0, 0.3), (spec("B T 3"),)),
    Case(Relu(0.1), (spec("B 3", "int32"),), differentiable=False),
    Case(PRelu(), (spec("B T 3"), spec("1 3"))),
    Case(Softmax(), (spec("B T 3"), None)),
    Case(Softmax((1, 2)), (spec("B T 3"), spec("T 1", "bool"))),
    Case(Softmax((1,)), (spec("B T 3", "float16"), spec("B T 1", "bool"))),
    Case(LogSoftmax(1), (spec("B T 3"),)),
    Case(Sparsemax(), (spec("B T 4"),)),
    Case(Sparsemax(0), (spec("5 T"),)),
    Case(Glu(), (spec("B 6"),)),
    Case(Glu(0), (spec("8 T"),)),
]
