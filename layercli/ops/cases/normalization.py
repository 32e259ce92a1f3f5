"""Cases of the normalizations."""

from __future__ import annotations

from layercli.ops.cases import Case, spec
from layercli.ops.normalization import BatchNorm

CHANNELS = (spec("4"),) * 4

CASES = [
    Case(BatchNorm(), (spec("B T 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
    Case(BatchNorm(training=True), (spec("B H W 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
    Case(
        BatchNorm(axis=1, epsilon=1e-5), (spec("B 4 T"), *CHANNELS[:2], None, None), low=0.5, high=2.0, constants=(1, 2)
    ),
    Case(BatchNorm(training=True), (spec("B 4"), *CHANNELS), low=0.5, high=2.0, constants=(1, 2)),
]
