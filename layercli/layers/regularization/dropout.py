"""Dropouts and noises: random in training, the identity otherwise."""

from __future__ import annotations

from typing import Any

from layercli.layers.regularization.base_dropout import BaseNoise, _sizes
from layercli.layers.validators import Seed, UnitInterval
from layercli.ops.random import dropout


class Dropout(BaseNoise):
    """In training, out = x / (1 - rate) with probability 1 - rate, else 0, for each place of ``noise_shape``.

    ``noise_shape`` is x's shape (batch first) with 1 for an axis that shares its decisions, None for x's own size.
    """

    rate: UnitInterval
    noise_shape: Any = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        self.op = dropout.ApplyDropout(self.rate, _sizes(self.noise_shape), self.seed) if self.rate else None
