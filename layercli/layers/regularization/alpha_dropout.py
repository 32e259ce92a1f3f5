"""Dropouts and noises: random in training, the identity otherwise."""

from __future__ import annotations

from typing import Any

from layercli.layers.regularization.base_dropout import BaseNoise, _check_below_one, _sizes
from layercli.layers.validators import Seed, UnitInterval
from layercli.ops.random import dropout


class AlphaDropout(BaseNoise):
    """Dropout for SELU: dropped values become -1.7581, then all are scaled and shifted back to mean 0 and variance 1.

    UsageError for a rate of 1, after which nothing is left to scale.
    """

    rate: UnitInterval
    noise_shape: Any = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        _check_below_one(self)
        self.op = dropout.ApplyAlphaDropout(self.rate, _sizes(self.noise_shape), self.seed) if self.rate else None
