"""Sample inputs of the activation functions."""

from __future__ import annotations

from layercli.ops.nn.activations import (
    ACTIVATIONS,
    ActivationFunction,
    Glu,
    LogSoftmax,
    PRelu,
    Relu,
    ReluInPlace,
    SoftmaxActivation,
    Sparsemax,
)
from layercli.ops.sample_inputs import SampleInput, spec

SETTINGS = {
    "celu": (0.7,), "elu": (0.7,), "gelu": (True,), "hard_shrink": (0.4,), "leaky_relu": (0.2,), "soft_shrink": (0.4,),
    "squareplus": (4.0,), "threshold": (0.3, -0.5),
}  # fmt: skip

CASES = [
    *(
        SampleInput(ActivationFunction(function, SETTINGS.get(function, ())), (spec("B T 3"),))
        for function in ACTIVATIONS
    ),
    SampleInput(ActivationFunction("gelu", (False,)), (spec("B 3"),)),
    SampleInput(ActivationFunction("softplus"), (spec("B 3", "int32"),), differentiable=False),
    SampleInput(Relu(), (spec("B 3"),)),
    SampleInput(ReluInPlace(), (spec("B 3"),)),
    SampleInput(Relu(), (spec("B 3", "int32"),), differentiable=False),
    SampleInput(Relu(0.1, 1.0, 0.3), (spec("B T 3"),)),
    SampleInput(Relu(0.1), (spec("B 3", "int32"),), differentiable=False),
    SampleInput(PRelu(), (spec("B T 3"), spec("1 3"))),
    SampleInput(SoftmaxActivation(), (spec("B T 3"), None)),
    SampleInput(SoftmaxActivation((1, 2)), (spec("B T 3"), spec("T 1", "bool"))),
    SampleInput(SoftmaxActivation((1,)), (spec("B T 3", "float16"), spec("B T 1", "bool"))),
    SampleInput(LogSoftmax(1), (spec("B T 3"),)),
    SampleInput(Sparsemax(), (spec("B T 4"),)),
    SampleInput(Sparsemax(0), (spec("5 T"),)),
    SampleInput(Glu(), (spec("B 6"),)),
    SampleInput(Glu(0), (spec("8 T"),)),
]
