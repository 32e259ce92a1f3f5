"""AlphaDropout."""

from __future__ import annotations

from typing import Any

from layercli.layers.regularization.base_dropout import BaseNoise, _check_below_one, _sizes
from layercli.layers.validators import Seed, UnitInterval
from layercli.ops.random import dropout


class AlphaDropout(BaseNoise):
    """Dropout for SELU: dropped values become -1.7581, then all values are scaled and shifted back to mean 0 and variance 1.

    Raises UsageError for a rate of 1. Reference: Klambauer et al. 2017, arXiv:1706.02515.
    """

    rate: UnitInterval
    noise_shape: Any = None
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a rate of 0."""
        _check_below_one(self)
        self.op = dropout.ApplyAlphaDropout(self.rate, _sizes(self.noise_shape), self.seed) if self.rate else None
