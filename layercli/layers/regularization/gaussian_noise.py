"""GaussianNoise."""

from __future__ import annotations

from layercli.errors import UsageError
from layercli.layers.regularization.base_dropout import BaseNoise
from layercli.layers.validators import Number, Seed
from layercli.ops.random import dropout


class GaussianNoise(BaseNoise):
    """In training, out = x + n, where n is normal with mean 0.

    Args:
        stddev: The standard deviation of n.
    """

    stddev: Number
    seed: Seed = None

    def setup(self) -> None:
        """Make the op, none for a deviation of 0."""
        if not 0 <= self.stddev <= 1:
            raise UsageError(f"GaussianNoise expects stddev to be a number from 0 to 1, got {self.stddev}")
        self.op = dropout.ApplyGaussianNoise(self.stddev, self.seed) if self.stddev else None
