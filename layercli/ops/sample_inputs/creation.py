"""Sample inputs of creation, clipping and class encodings."""

from __future__ import annotations

from layercli.ops.core.autodiff import StopGradient
from layercli.ops.nn.one_hot import OneHot
from layercli.ops.numpy.clipping import Clip, NanToNum
from layercli.ops.numpy.creation import ConstantTensor, Eye, Full
from layercli.ops.numpy.ranges import Arange, Linspace
from layercli.ops.sample_inputs import SampleInput, spec

MADE = [
    Full((2, 3), 0.5),
    Full((), 7, "int32"),
    Full((4, 0), True, "bool"),
    Eye(3, 3),
    Eye(2, 5, 1, "int64"),
    Eye(4, 3, -2, "bool"),
    Arange(0, 7, 1, "int64"),
    Arange(1, 6, 0.4, "float32"),
    Arange(9, 2, -2, "int32"),
    Arange(5, 2, 1, "int64"),
    Linspace(0, 1, 5),
    Linspace(-2.0, 3, 4, False, "float64"),
    Linspace(0, 10, 1, True, "int32"),
]
"""Operations without inputs."""

CASES = [
    *(SampleInput(op, (), differentiable=False) for op in MADE),
    SampleInput(ConstantTensor(), (spec("3 2", "int32"),), differentiable=False),
    SampleInput(StopGradient(), (spec("B T"),), differentiable=False),
    SampleInput(Clip(-0.5, 0.5), (spec("B T 3"),)),
    SampleInput(Clip(1, 3), (spec("B T", "int32"),), differentiable=False),
    SampleInput(Clip(0.5, 3), (spec("B T", "int32"),), differentiable=False),
    SampleInput(Clip(0, 1), (spec("B T", "bool"),), differentiable=False),
    SampleInput(NanToNum(), (spec("B T"),)),
    SampleInput(NanToNum(1.0, 2.0, -2.0), (spec("B T", "float16"),)),
    SampleInput(NanToNum(), (spec("B T", "int32"),), differentiable=False),
    SampleInput(OneHot(5), (spec("B T", "int64"),), differentiable=False),
    SampleInput(OneHot(5, 1, "int32"), (spec("B T", "uint8"),), differentiable=False),
    SampleInput(OneHot(5, 0, "bool"), (spec("", "int32"),), differentiable=False),
]
