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
from layercli.lazy import torch


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
