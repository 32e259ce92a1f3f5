"""Counter-based random numbers: uniform and normal values from a hash of (seed, counter, index).

Without a seed the values come from torch's generator. With one, value i of call n is a hash of (seed, n, i): the same
on every device, in eager, compiled and exported code; n is the ``counter`` input.
"""

from __future__ import annotations

import math
from typing import Any

from layercli.core.dims import Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import torch


@dataclass(frozen=True)
class Uniform(Op):
    """out[b, i] = a uniform float32 value in [low[i], high[i]), or low[i] where the bounds are equal, for each b of x's
    batch.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    seed: int | None = None

    def spec(self, x: Spec, counter: Spec | None = None) -> Spec:
        """Return (batch, values)."""
        return Spec((x.shape[0], len(self.low)), "float32")

    def run(self, x: Tensor, counter: object = None) -> Tensor:
        """Return uniform values, scaled and shifted to the bounds."""
        samples = uniform((x.shape[0], len(self.low)), x, self.seed, counter).unbind(1)
        ends = zip(samples, self.low, self.high, strict=True)
        return torch.stack([low + (high - low) * value for value, low, high in ends], 1)


def concrete(noise_shape: tuple[int | None, ...] | None, x: Tensor) -> Size | tuple[int, ...]:
    """Return ``noise_shape`` with None replaced by x's sizes."""
    if noise_shape is None:
        return x.shape
    return tuple(size if wanted is None else wanted for wanted, size in zip(noise_shape, x.shape, strict=True))


def uniform(shape: Any, like: Tensor, seed: int | None, counter: object) -> Tensor:
    """Return uniform values in [0, 1) of ``shape`` on the device of ``like``: torch's, or those of (seed, counter)."""
    if seed is None:
        return torch.rand(shape, device=like.device)
    return hashed(shape, like.device, seed, counter)


def normal(like: Tensor, seed: int | None, counter: object) -> Tensor:
    """Return standard normal values with the shape, dtype and device of ``like``; the seeded ones by the Box-Muller
    transform.
    """
    if seed is None:
        return torch.randn_like(like)
    radius, angle = hashed((2, *like.shape), like.device, seed, counter)
    return (torch.sqrt(-2 * torch.log1p(-radius)) * torch.cos(2 * math.pi * angle)).to(like.dtype)


def hashed(shape: Any, device: Any, seed: int, counter: Any) -> Tensor:
    """Return float32 values in [0, 1): the upper 24 bits of a hash of (seed, counter, index)."""
    positions = torch.arange(math.prod(shape), device=device, dtype=torch.int64).reshape(shape)
    start = (seed * 0x9E3779B97F4A7C1 + 0x1F83D9ABFB41BD6B) % 2**62  # not 0 for seed 0, as the mix of 0 is 0
    stream = _mixed(_mixed(torch.as_tensor(counter, device=device).long() + start))
    return (_mixed(positions + stream) >> 40 & 0xFFFFFF).to(torch.float32) * 2.0**-24


def _mixed(x: Tensor) -> Tensor:
    """Return the finalizer of splitmix64 of int64 values; products wrap around, right shifts are made unsigned."""
    x = (x ^ (x >> 30 & (1 << 34) - 1)) * (0xBF58476D1CE4E5B9 - 2**64)
    x = (x ^ (x >> 27 & (1 << 37) - 1)) * (0x94D049BB133111EB - 2**64)
    return x ^ (x >> 31 & (1 << 33) - 1)
