"""Dropouts and noises: random in training, the identity otherwise."""

from __future__ import annotations

from layercli.layers.regularization.base_dropout import Noise, _check_below_one
from layercli.layers.validators import Fraction, Seed
from layercli.ops.random import dropout


class GaussianDropout(Noise):
    """In training, out = x * n, n being normal with mean 1 and standard deviation sqrt(rate / (1 - rate)).

    UsageError for a rate of 1, whose deviation is infinite.
    """

    rate: Fraction
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        _check_below_one(self)
        self.op = dropout.GaussianDropout(self.rate, self.seed) if self.rate else None
