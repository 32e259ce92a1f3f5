"""Dropout and noise in training.

Without a seed the values come from torch's generator; with one, from a hash of (seed, counter, index): see
``counter_rng``.
"""

from __future__ import annotations

import math

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.ops.numpy.elementwise import broadcast_shapes
from layercli.ops.random.counter_rng import concrete, normal, uniform

ALPHA = -1.7580993408473766
"""The limit of the SELU function at -infinity: the value that AlphaDropout gives to dropped units."""


@dataclass(frozen=True)
class ApplyDropout(Op):
    """out = x / (1 - rate) with probability 1 - rate, else 0; one decision per index of ``noise_shape``, which
    broadcasts to x.

    None in ``noise_shape`` is x's size.
    """

    rate: float
    noise_shape: tuple[int | None, ...] | None = None
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec; ShapeError where noise_shape does not broadcast to it."""
        return _with_noise(x, self.noise_shape)

    def run(self, x: Tensor, counter: object = None) -> Tensor:
        """Return torch's dropout without a noise shape or seed, else x times a random mask."""
        if self.seed is None and self.noise_shape is None:
            return F.dropout(x, self.rate)
        if self.rate == 1:
            return torch.zeros_like(x)
        kept = uniform(concrete(self.noise_shape, x), x, self.seed, counter) >= self.rate
        return torch.where(kept, x / (1 - self.rate), torch.zeros_like(x))


@dataclass(frozen=True)
class ApplyAlphaDropout(Op):
    """out = a * (x with probability 1 - rate, else alpha') + b, with a and b that keep mean 0 and variance 1.

    alpha' = -1.7581 is the limit of the SELU function at -infinity. Reference: Klambauer et al., 2017.
    """

    rate: float
    noise_shape: tuple[int | None, ...] | None = None
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec; ShapeError where noise_shape does not broadcast to it."""
        return _with_noise(x, self.noise_shape)

    def run(self, x: Tensor, counter: object = None) -> Tensor:
        """Return the affine function of x and a random mask."""
        kept = uniform(concrete(self.noise_shape, x), x, self.seed, counter) >= self.rate
        a = ((1 - self.rate) * (1 + self.rate * ALPHA**2)) ** -0.5
        out: Tensor = a * torch.where(kept, x, torch.full_like(x, ALPHA)) - a * ALPHA * self.rate
        return out


@dataclass(frozen=True)
class ApplyGaussianDropout(Op):
    """out = x * n, n normal with mean 1 and standard deviation sqrt(rate / (1 - rate))."""

    rate: float
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor, counter: object = None) -> Tensor:
        """Return x times noise."""
        return x * (1 + math.sqrt(self.rate / (1 - self.rate)) * normal(x, self.seed, counter))


@dataclass(frozen=True)
class ApplyGaussianNoise(Op):
    """out = x + n, n normal with mean 0 and standard deviation ``stddev``."""

    stddev: float
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor, counter: object = None) -> Tensor:
        """Return x plus noise."""
        return x + self.stddev * normal(x, self.seed, counter)


def _with_noise(x: Spec, noise_shape: tuple[int | None, ...] | None) -> Spec:
    if noise_shape is not None:
        fits = len(noise_shape) == x.rank
        wanted = tuple(size if n is None else n for n, size in zip(noise_shape, x.shape, strict=False))
        if not fits or broadcast_shapes(wanted, x.shape) != x.shape:
            raise ShapeError(f"expects x to which the noise shape {noise_shape} broadcasts (x = {x})")
    return x
