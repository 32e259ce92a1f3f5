"""GaussianDropout."""

from __future__ import annotations

from layercli.layers.regularization.base_dropout import BaseNoise, _check_below_one
from layercli.layers.validators import Seed, UnitInterval
from layercli.ops.random import dropout


class GaussianDropout(BaseNoise):
    """In training, out = x * n, where n is normal with mean 1 and standard deviation sqrt(rate / (1 - rate)).

    Raises UsageError for a rate of 1, whose standard deviation is infinite.
    """

    rate: UnitInterval
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        _check_below_one(self)
        self.op = dropout.ApplyGaussianDropout(self.rate, self.seed) if self.rate else None
