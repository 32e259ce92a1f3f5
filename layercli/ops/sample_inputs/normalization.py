"""Cases of the normalizations."""

from __future__ import annotations

from layercli.ops.nn.batch_norm_stats import Moments, Normalize, Renormalization
from layercli.ops.nn.normalization import BatchNorm, GroupNorm, LayerNorm, RmsNorm, SpectralNorm, UnitNorm
from layercli.ops.sample_inputs import Case, spec

CHANNELS = (spec("4"),) * 4

CASES = [
    Case(BatchNorm(), (spec("B T 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
    Case(BatchNorm(training=True), (spec("B H W 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
    Case(
        BatchNorm(axis=1, epsilon=1e-5), (spec("B 4 T"), *CHANNELS[:2], None, None), low=0.5, high=2.0, constants=(1, 2)
    ),
    Case(BatchNorm(training=True), (spec("B 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
    Case(Moments(), (spec("B T 4"), None)),
    Case(Moments(), (spec("B T 4"), spec("B T", "bool"))),
    Case(Moments(axis=1), (spec("B 4 H W"),)),
    Case(Normalize(), (spec("B T 4"), *CHANNELS), low=0.5, high=2.0),
    Case(Normalize(1, 1e-5), (spec("B 4 T"), *CHANNELS[:2], None, None), low=0.5, high=2.0),
    Case(Renormalization(), CHANNELS, low=0.5, high=2.0, differentiable=False),
    Case(Renormalization(1e-3, 0.9, 1.1, 0.2), CHANNELS, low=0.5, high=2.0, differentiable=False),
    Case(LayerNorm(), (spec("B T 4"), spec("4"), spec("4"))),
    Case(LayerNorm((1, 2), 1e-5), (spec("B 5 4"), spec("5 4"), None)),
    Case(LayerNorm((1,)), (spec("B 5 T"), None, spec("5"))),
    Case(RmsNorm(), (spec("B T 4"), spec("4"))),
    Case(RmsNorm((1,)), (spec("B 5 T"), spec("5"))),
    Case(GroupNorm(2), (spec("B T 4"), spec("4"), spec("4"))),
    Case(GroupNorm(2, 1, 1e-5), (spec("B 4 H W"), spec("4"), None)),
    Case(GroupNorm(1), (spec("B 4"), None, None)),
    Case(UnitNorm(), (spec("B T 4"),)),
    Case(UnitNorm((0, 2)), (spec("B T 4"),)),
    Case(SpectralNorm(), (spec("3 4 5"), spec("1 5")), constants=(1,)),
    Case(SpectralNorm(3), (spec("4 5"), spec("1 5")), constants=(1,)),
]
