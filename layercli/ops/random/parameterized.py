"""Random values whose parameters are tensors: gamma, beta and binomial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Shape, Spec, shape_of
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops import known_values
from layercli.ops.numpy.creation import as_int, creation_device
from layercli.ops.numpy.elementwise import broadcast_shapes
from layercli.ops.random import counter_rng
from layercli.ops.random.distributions import Uniform, stream_of

TRIES = 12
"""The number of candidates for a gamma value, of which the first accepted one is taken; one in 20 is rejected."""

MOST_BITS = 24
"""The most bits of a count in a tensor whose values are not known: float32 is exact up to 24."""

DISTRIBUTIONS: dict[str, Callable[..., Tensor]] = {
    "gamma": lambda draws, sizes, alpha: _gamma(draws, sizes, alpha),
    "beta": lambda draws, sizes, alpha, beta: _beta(draws, sizes, alpha, beta),
    "binomial": lambda draws, sizes, counts, shares: _binomial(draws, sizes, counts, shares),
}
"""Distributions as functions of sources of uniform values and parameters, computed in float64."""


@dataclass(frozen=True)
class ParameterizedRandom(Op):
    """out = values of ``distribution``, a key of ``DISTRIBUTIONS``, in ``shape``; its parameters broadcast to the
    shape.

    ``seed``: None uses torch's generator; an integer gives the same values at every call, a SeedGenerator new values.
    """

    distribution: str
    shape: Shape
    dtype: str = "float32"
    seed: object = None

    def spec(self, *parameters: object) -> Spec:
        """Return the shape; ShapeError where a parameter does not broadcast to it."""
        shape = shape_of(self.shape)
        for x in parameters:
            if isinstance(x, Spec) and broadcast_shapes(shape, x.shape) != shape:
                raise ShapeError(f"expects parameters that broadcast to {self.shape}, got {x}")
        return Spec(shape, self.dtype)

    def run(self, *parameters: object) -> Tensor:
        """Return the values."""
        tensors = [x for x in parameters if isinstance(x, torch.Tensor)]
        device = tensors[0].device if tensors else creation_device.device
        sizes = tuple(as_int(size) for size in self.shape)
        given = [x.double() if isinstance(x, torch.Tensor) else x for x in parameters]
        made = DISTRIBUTIONS[self.distribution](_several(self.seed, device), sizes, *given)
        return made.to(getattr(torch, self.dtype))


def _several(seed: object, device: Any) -> Iterator[Uniform]:
    """Yield independent sources of uniform values."""
    stream, counter = stream_of(seed)
    for i in count():
        if stream is None:
            yield lambda sizes: torch.rand(sizes, device=device, dtype=torch.float64)
        else:
            yield _hashed(device, stream + (i << 40), counter)


def _hashed(device: object, stream: int, counter: object) -> Uniform:
    return lambda sizes: counter_rng.hashed(sizes, device, stream, counter).double()


def _gamma(draws: Iterator[Uniform], sizes: Any, alpha: Any) -> Tensor:
    """Return gamma values by the rejection of Marsaglia and Tsang; alpha below 1 is sampled as alpha + 1 and scaled."""
    radius, angle, share = next(draws)((3, TRIES, *sizes))
    boost = next(draws)(sizes)
    alpha = torch.as_tensor(alpha, dtype=torch.float64, device=boost.device).expand(sizes)
    d = torch.where(alpha < 1, alpha + 1, alpha) - 1 / 3
    normal = torch.sqrt(-2 * torch.log1p(-radius)) * torch.cos(2 * torch.pi * angle)
    v = (1 + normal / torch.sqrt(9 * d)) ** 3
    limit = 0.5 * normal * normal + d - d * v + d * torch.log(v.clamp_min(1e-300))
    will_do = (v > 0) & (torch.log1p(-share) < limit)
    first = torch.argmax(will_do.byte(), 0, keepdim=True)
    found = d * torch.gather(v, 0, first).squeeze(0)
    return torch.where(alpha < 1, found * (1 - boost) ** (1 / alpha), found)


def _beta(draws: Iterator[Uniform], sizes: object, alpha: object, beta: Tensor) -> Tensor:
    """Return g1 / (g1 + g2) for two gamma values."""
    left, right = _gamma(draws, sizes, alpha), _gamma(draws, sizes, beta)
    return left / (left + right).clamp_min(1e-300)


def _binomial(draws: Iterator[Uniform], sizes: Any, counts: Any, shares: Any) -> Tensor:
    """Return the number of ``counts`` uniform values below ``shares``, by bisection.

    The median of the uniform values is a beta value; it decides on which side of the share one half of them lies. The
    other half is bisected again, until none is left.
    """
    bits = _bits(counts)
    device = next((x.device for x in (counts, shares) if isinstance(x, torch.Tensor)), creation_device.device)
    left, share = (torch.as_tensor(x, dtype=torch.float64, device=device).expand(sizes) for x in (counts, shares))
    found = torch.zeros_like(left)
    for _ in range(bits):
        middle = torch.floor((left + 1) / 2)
        value = _beta(draws, sizes, middle.clamp_min(1), (left + 1 - middle).clamp_min(1))
        below = (value <= share) & (left > 0)
        found = torch.where(below, found + middle, found)
        rest = torch.where(below, left - middle, middle - 1)
        part = torch.where(below, (share - value) / (1 - value).clamp_min(1e-300), share / value.clamp_min(1e-300))
        left, share = rest.clamp_min(0), part.clamp(0, 1)
    return found


def _bits(counts: Any) -> int:
    """Return the number of bits of the largest count; of a tensor on a GPU or without known values the most that there are."""
    if not isinstance(counts, torch.Tensor):
        return int(counts).bit_length()
    if not counts.is_cpu or not known_values.are_known(counts):
        return MOST_BITS
    return min(int(counts.max()).bit_length(), MOST_BITS) if counts.numel() else 0
