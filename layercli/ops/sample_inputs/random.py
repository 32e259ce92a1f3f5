"""Sample inputs of the random operations."""

from __future__ import annotations

from layercli.ops.random.counter_rng import Uniform
from layercli.ops.random.distributions import Categorical, DropoutMask, RandomTensor, Shuffle
from layercli.ops.random.dropout import ApplyAlphaDropout, ApplyDropout, ApplyGaussianDropout, ApplyGaussianNoise
from layercli.ops.random.mixing import ChainDraws, MixDraws
from layercli.ops.random.parameterized import ParameterizedRandom
from layercli.ops.sample_inputs import SampleInput, spec

COUNTER = spec("1", "int64")

CASES = [
    SampleInput(ApplyDropout(0.5), (spec("B T 3"),)),
    SampleInput(ApplyDropout(1.0, seed=2), (spec("B T 3"), COUNTER), differentiable=False),
    SampleInput(ApplyDropout(0.3, (None, 1, 3)), (spec("B T 3"),)),
    SampleInput(ApplyDropout(0.3, (None, 1, 3), 7), (spec("B T 3"), COUNTER)),
    SampleInput(ApplyAlphaDropout(0.3), (spec("B T 3"),)),
    SampleInput(ApplyAlphaDropout(0.3, (None, 1), 7), (spec("B 3"), COUNTER)),
    SampleInput(ApplyGaussianDropout(0.3), (spec("B T 3"),)),
    SampleInput(ApplyGaussianDropout(0.3, 7), (spec("B T 3", "float16"), COUNTER)),
    SampleInput(ApplyGaussianNoise(0.3), (spec("B T 3"),)),
    SampleInput(ApplyGaussianNoise(0.3, 7), (spec("B T 3"), COUNTER)),
    SampleInput(ParameterizedRandom("gamma", (3, 2)), (0.5,), differentiable=False),
    SampleInput(
        ParameterizedRandom("beta", (3, 2), "float16", 3), (spec("2"), 2.0), low=0.5, high=2, differentiable=False
    ),
    SampleInput(
        ParameterizedRandom("binomial", (3,), "float64", 3),
        (spec("3", "int32"), spec("")),
        low=0,
        high=1,
        differentiable=False,
    ),
    SampleInput(RandomTensor("uniform", (2, 3), (-1.0, 2.0)), (), differentiable=False),
    SampleInput(RandomTensor("normal", (2, 0), (0.0, 2.0), "float16", 3), (), differentiable=False),
    SampleInput(RandomTensor("truncated_normal", (), (0.0, 1.0), "float64", 3), (), differentiable=False),
    SampleInput(RandomTensor("randint", (4,), (-2, 7), "int32", 3), (), differentiable=False),
    SampleInput(Categorical(3), (spec("B 4"),), differentiable=False),
    SampleInput(Categorical(3, "int64", 7), (spec("B T"),), differentiable=False),
    SampleInput(Shuffle(1), (spec("B T 3"),)),
    SampleInput(Shuffle(-1, 7), (spec("B T"),)),
    SampleInput(DropoutMask(0.3, (None, 1), 7), (spec("B T"),)),
    SampleInput(DropoutMask(0.3), (spec("B T"),)),
    SampleInput(Uniform((-0.5, 1.0), (0.5, 1.0)), (spec("B T 3"),), differentiable=False),
    SampleInput(Uniform((0.0,), (1.0,), 7), (spec("B T", "int32"), COUNTER), differentiable=False),
    SampleInput(MixDraws(0.2, 0.9, 7), (spec("B T 3"), COUNTER), by_values=True, differentiable=False),
    SampleInput(ChainDraws(3, 4, 1.0, 7), (spec("B T 3"), COUNTER), by_values=True, differentiable=False),
]
