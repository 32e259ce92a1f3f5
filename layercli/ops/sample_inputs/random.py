"""Cases of the random operations."""

from __future__ import annotations

from layercli.ops.random.counter_rng import Uniform
from layercli.ops.random.distributions import Categorical, Draw, Drop, Shuffle
from layercli.ops.random.dropout import AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from layercli.ops.random.parameterized import ShapedDraw
from layercli.ops.sample_inputs import Case, spec

COUNTER = spec("1", "int64")

CASES = [
    Case(Dropout(0.5), (spec("B T 3"),)),
    Case(Dropout(1.0, seed=2), (spec("B T 3"), COUNTER), differentiable=False),
    Case(Dropout(0.3, (None, 1, 3)), (spec("B T 3"),)),
    Case(Dropout(0.3, (None, 1, 3), 7), (spec("B T 3"), COUNTER)),
    Case(AlphaDropout(0.3), (spec("B T 3"),)),
    Case(AlphaDropout(0.3, (None, 1), 7), (spec("B 3"), COUNTER)),
    Case(GaussianDropout(0.3), (spec("B T 3"),)),
    Case(GaussianDropout(0.3, 7), (spec("B T 3", "float16"), COUNTER)),
    Case(GaussianNoise(0.3), (spec("B T 3"),)),
    Case(GaussianNoise(0.3, 7), (spec("B T 3"), COUNTER)),
    Case(ShapedDraw("gamma", (3, 2)), (0.5,), differentiable=False),
    Case(ShapedDraw("beta", (3, 2), "float16", 3), (spec("2"), 2.0), low=0.5, high=2, differentiable=False),
    Case(
        ShapedDraw("binomial", (3,), "float64", 3), (spec("3", "int32"), spec("")), low=0, high=1, differentiable=False
    ),
    Case(Draw("uniform", (2, 3), (-1.0, 2.0)), (), differentiable=False),
    Case(Draw("normal", (2, 0), (0.0, 2.0), "float16", 3), (), differentiable=False),
    Case(Draw("truncated_normal", (), (0.0, 1.0), "float64", 3), (), differentiable=False),
    Case(Draw("randint", (4,), (-2, 7), "int32", 3), (), differentiable=False),
    Case(Categorical(3), (spec("B 4"),), differentiable=False),
    Case(Categorical(3, "int64", 7), (spec("B T"),), differentiable=False),
    Case(Shuffle(1), (spec("B T 3"),)),
    Case(Shuffle(-1, 7), (spec("B T"),)),
    Case(Drop(0.3, (None, 1), 7), (spec("B T"),)),
    Case(Drop(0.3), (spec("B T"),)),
    Case(Uniform((-0.5, 1.0), (0.5, 1.0)), (spec("B T 3"),), differentiable=False),
    Case(Uniform((0.0,), (1.0,), 7), (spec("B T", "int32"), COUNTER), differentiable=False),
]
