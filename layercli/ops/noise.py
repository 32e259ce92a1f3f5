"""Random operations of training: dropouts, noises, and values to decide by.

Without a seed they draw from torch's generator. With one they draw from a stream of their own: value i of draw n is a hash
of (seed, n, i), the same on every device, in eager code, compiled and exported; n is the ``counter`` they are given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.ops.elementwise import broadcast_shapes

ALPHA = -1.7580993408473766
"""Where the SELU curve goes for -infinity: what AlphaDropout sets dropped values to."""


@dataclass(frozen=True)
class Dropout(Op):
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
class AlphaDropout(Op):
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
class GaussianDropout(Op):
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
class GaussianNoise(Op):
    """out = x + n, n being normal with mean 0 and standard deviation ``stddev``."""

    stddev: float
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Any, counter: Any = None) -> Any:
        """Return x plus noise."""
        return x + self.stddev * normal(x, self.seed, counter)


@dataclass(frozen=True)
class Uniform(Op):
    """out[b, i] = a value from low[i] to high[i] (excluded, unless they are equal), in float32, for each of x's batch."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return (batch, values)."""
        return Spec((x.shape[0], len(self.low)), "float32")

    def run(self, x: Any, counter: Any = None) -> Any:
        """Return uniform values, stretched and moved."""
        drawn = uniform((x.shape[0], len(self.low)), x, self.seed, counter).unbind(1)
        ends = zip(drawn, self.low, self.high, strict=True)
        return torch.stack([low + (high - low) * value for value, low, high in ends], 1)


def concrete(noise_shape: tuple[int | None, ...] | None, x: Any) -> Any:
    """Return noise_shape with x's sizes for None."""
    if noise_shape is None:
        return x.shape
    return tuple(size if wanted is None else wanted for wanted, size in zip(noise_shape, x.shape, strict=True))


def uniform(shape: Any, like: Any, seed: int | None, counter: Any) -> Any:
    """Return values from 0 to 1 (excluded) of ``shape``, on the device of ``like``: torch's, or those of (seed, counter)."""
    if seed is None:
        return torch.rand(shape, device=like.device)
    return hashed(shape, like.device, seed, counter)


def normal(like: Any, seed: int | None, counter: Any) -> Any:
    """Return normal values of the shape, dtype and device of ``like``, the seeded ones by Box and Muller's transform."""
    if seed is None:
        return torch.randn_like(like)
    radius, angle = hashed((2, *like.shape), like.device, seed, counter)
    return (torch.sqrt(-2 * torch.log1p(-radius)) * torch.cos(2 * math.pi * angle)).to(like.dtype)


def hashed(shape: Any, device: Any, seed: int, counter: Any) -> Any:
    """Return float32 values from 0 to 1 (excluded): the upper 24 bits of a hash of (seed, counter, place)."""
    places = torch.arange(math.prod(shape), device=device, dtype=torch.int64).reshape(shape)
    stream = _mixed(_mixed(torch.as_tensor(counter, device=device).long() + seed * 0x9E3779B97F4A7C1 % 2**62))
    return (_mixed(places + stream) >> 40 & 0xFFFFFF).to(torch.float32) * 2.0**-24


def _mixed(x: Any) -> Any:
    """Return splitmix64's finalizer of int64 values; a product wraps around, a shift has to be made unsigned."""
    x = (x ^ (x >> 30 & (1 << 34) - 1)) * (0xBF58476D1CE4E5B9 - 2**64)
    x = (x ^ (x >> 27 & (1 << 37) - 1)) * (0x94D049BB133111EB - 2**64)
    return x ^ (x >> 31 & (1 << 33) - 1)


def _with_noise(x: Spec, noise_shape: tuple[int | None, ...] | None) -> Spec:
    if noise_shape is not None:
        fits = len(noise_shape) == x.rank
        wanted = tuple(size if n is None else n for n, size in zip(noise_shape, x.shape, strict=False))
        if not fits or broadcast_shapes(wanted, x.shape) != x.shape:
            raise ShapeError(f"expects x to which the noise shape {noise_shape} broadcasts (x = {x})")
    return x
