"""Sample inputs of the normalizations."""

from __future__ import annotations

from layercli.ops.nn.batch_norm_stats import BatchMoments, Normalize, Renormalization
from layercli.ops.nn.normalization import BatchNorm, GroupNorm, LayerNorm, RmsNorm, SpectralNorm, UnitNormalize
from layercli.ops.sample_inputs import SampleInput, spec

CHANNELS = (spec("4"),) * 4

CASES = [
    SampleInput(BatchNorm(), (spec("B T 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
    SampleInput(BatchNorm(training=True), (spec("B H W 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
    SampleInput(
        BatchNorm(axis=1, epsilon=1e-5), (spec("B 4 T"), *CHANNELS[:2], None, None), low=0.5, high=2.0, constants=(1, 2)
    ),
    SampleInput(BatchNorm(training=True), (spec("B 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
    SampleInput(BatchMoments(), (spec("B T 4"), None)),
    SampleInput(BatchMoments(), (spec("B T 4"), spec("B T", "bool"))),
    SampleInput(BatchMoments(axis=1), (spec("B 4 H W"),)),
    SampleInput(Normalize(), (spec("B T 4"), *CHANNELS), low=0.5, high=2.0),
    SampleInput(Normalize(1, 1e-5), (spec("B 4 T"), *CHANNELS[:2], None, None), low=0.5, high=2.0),
    SampleInput(Renormalization(), CHANNELS, low=0.5, high=2.0, differentiable=False),
    SampleInput(Renormalization(1e-3, 0.9, 1.1, 0.2), CHANNELS, low=0.5, high=2.0, differentiable=False),
    SampleInput(LayerNorm(), (spec("B T 4"), spec("4"), spec("4"))),
    SampleInput(LayerNorm((1, 2), 1e-5), (spec("B 5 4"), spec("5 4"), None)),
    SampleInput(LayerNorm((1,)), (spec("B 5 T"), None, spec("5"))),
    SampleInput(RmsNorm(), (spec("B T 4"), spec("4"))),
    SampleInput(RmsNorm((1,)), (spec("B 5 T"), spec("5"))),
    SampleInput(GroupNorm(2), (spec("B T 4"), spec("4"), spec("4"))),
    SampleInput(GroupNorm(2, 1, 1e-5), (spec("B 4 H W"), spec("4"), None)),
    SampleInput(GroupNorm(1), (spec("B 4"), None, None)),
    SampleInput(UnitNormalize(), (spec("B T 4"),)),
    SampleInput(UnitNormalize((0, 2)), (spec("B T 4"),)),
    SampleInput(SpectralNorm(), (spec("3 4 5"), spec("1 5")), constants=(1,)),
    SampleInput(SpectralNorm(3), (spec("4 5"), spec("1 5")), constants=(1,)),
]
