"""Dropout."""

from __future__ import annotations

from typing import Any

from layercli.layers.regularization.base_dropout import BaseNoise, _sizes
from layercli.layers.validators import Seed, UnitInterval
from layercli.ops.random import dropout


class Dropout(BaseNoise):
    """In training, out = x / (1 - rate) with probability 1 - rate, else 0; otherwise out = x.

    Reference: Srivastava et al. 2014, JMLR 15.
    """

    rate: UnitInterval
    noise_shape: Any = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        self.op = dropout.ApplyDropout(self.rate, _sizes(self.noise_shape), self.seed) if self.rate else None
