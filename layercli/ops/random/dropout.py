"""Random operations of training: dropouts, noises, and values to decide by.

Without a seed they draw from torch's generator. With one they draw from a stream of their own: value i of draw n is a hash
of (seed, n, i), the same on every device, in eager code, compiled and exported; n is the ``counter`` they are given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.ops.numpy.elementwise import broadcast_shapes
from layercli.ops.random.counter_rng import concrete, normal, uniform

ALPHA = -1.7580993408473766
"""Where the SELU curve goes for -infinity: what AlphaDropout sets dropped values to."""


@dataclass(frozen=True)
class ApplyDropout(Op):
    """out = x / (1 - rate) with probability 1 - rate, else 0; one decision for each place of ``noise_shape``, which broadcasts.

    A ``None`` in noise_shape stands for x's own size.
    """

    rate: float
    noise_shape: tuple[int | None, ...] | None = None
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec; ShapeError where noise_shape does not broadcast to it."""
        return _with_noise(x, self.noise_shape)

    def run(self, x: Any, counter: Any = None) -> Any:
        """Return torch's dropout where every place decides for itself, else x times a drawn mask."""
        if self.seed is None and self.noise_shape is None:
            return F.dropout(x, self.rate)
        if self.rate == 1:
            return torch.zeros_like(x)
        kept = uniform(concrete(self.noise_shape, x), x, self.seed, counter) >= self.rate
        return torch.where(kept, x / (1 - self.rate), torch.zeros_like(x))


@dataclass(frozen=True)
class ApplyAlphaDropout(Op):
    """out = a * (x with probability 1 - rate, else alpha') + b, with the a and b that keep mean 0 and variance 1.

    alpha' = -1.7581 is the least value of the SELU curve (Klambauer et al., 2017).
    """

    rate: float
    noise_shape: tuple[int | None, ...] | None = None
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec; ShapeError where noise_shape does not broadcast to it."""
        return _with_noise(x, self.noise_shape)

    def run(self, x: Any, counter: Any = None) -> Any:
        """Return the affine function of x and a drawn mask."""
        kept = uniform(concrete(self.noise_shape, x), x, self.seed, counter) >= self.rate
        a = ((1 - self.rate) * (1 + self.rate * ALPHA**2)) ** -0.5
        return a * torch.where(kept, x, torch.full_like(x, ALPHA)) - a * ALPHA * self.rate


@dataclass(frozen=True)
class ApplyGaussianDropout(Op):
    """out = x * n, n being normal with mean 1 and standard deviation sqrt(rate / (1 - rate))."""

    rate: float
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Any, counter: Any = None) -> Any:
        """Return x times noise."""
        return x * (1 + math.sqrt(self.rate / (1 - self.rate)) * normal(x, self.seed, counter))


@dataclass(frozen=True)
class ApplyGaussianNoise(Op):
    """out = x + n, n being normal with mean 0 and standard deviation ``stddev``."""

    stddev: float
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Any, counter: Any = None) -> Any:
        """Return x plus noise."""
        return x + self.stddev * normal(x, self.seed, counter)


def _with_noise(x: Spec, noise_shape: tuple[int | None, ...] | None) -> Spec:
    if noise_shape is not None:
        fits = len(noise_shape) == x.rank
        wanted = tuple(size if n is None else n for n, size in zip(noise_shape, x.shape, strict=False))
        if not fits or broadcast_shapes(wanted, x.shape) != x.shape:
            raise ShapeError(f"expects x to which the noise shape {noise_shape} broadcasts (x = {x})")
    return x
