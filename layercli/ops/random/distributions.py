"""Random tensors of a given shape, and random choices, from torch's generator or from a seeded stream
(``counter_rng``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from layercli.core.operation import Op, spec_of
from layercli.core.spec import Shape, Spec, shape_of
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of
from layercli.ops.numpy.creation import as_int, creation_device
from layercli.ops.random import counter_rng, dropout

Uniform = Callable[[Any], Any]
"""Returns uniform float32 values in [0, 1) of a shape."""

CUT = 2.0
"""The bound of a truncated normal value, in deviations from the mean."""

DISTRIBUTIONS: dict[str, Callable[..., Tensor]] = {
    "uniform": lambda draw, sizes, low, high: low + (high - low) * draw(sizes),
    "normal": lambda draw, sizes, mean, stddev: mean + stddev * _normal(draw((2, *sizes))),
    "truncated_normal": lambda draw, sizes, mean, stddev: mean + stddev * _truncated(draw(sizes)),
    "randint": lambda draw, sizes, low, high: low + _whole(draw((2, *sizes)), high - low),
}
"""Distributions with two parameters, as functions of a source of uniform values."""


@dataclass(frozen=True)
class RandomTensor(Op):
    """out = values of ``distribution``, a key of ``DISTRIBUTIONS``, with its two parameters ``settings``, in ``shape``.

    ``seed``: None uses torch's generator; an integer gives the same values at every call, a SeedGenerator new values.
    """

    distribution: str
    shape: Shape
    settings: tuple[float, float]
    dtype: str = "float32"
    seed: object = None

    def spec(self) -> Spec:
        """Return the shape; ShapeError where a size is negative."""
        return Spec(shape_of(self.shape), self.dtype)

    def run(self) -> Tensor:
        """Return the values, computed in float32 or float64."""
        sizes = tuple(as_int(size) for size in self.shape)
        made = DISTRIBUTIONS[self.distribution](drawing(self.seed, creation_device.device), sizes, *self.settings)
        return made.to(getattr(torch, self.dtype))


@dataclass(frozen=True)
class Categorical(Op):
    """out[b, i] = a class sampled with the probabilities softmax(x[b]); x (batch, classes)."""

    num_samples: int
    dtype: str = "int32"
    seed: object = None

    def spec(self, x: Spec) -> Spec:
        """Return (batch, num_samples); ShapeError for x of another rank."""
        if x.rank != 2:
            raise ShapeError(f"expects x with 2 axes, got {x.rank} (x = {x})")
        return Spec((x.shape[0], self.num_samples), self.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return the indices of uniform values among the cumulative probabilities."""
        self.spec(spec_of(x))
        ends = torch.softmax(x.detach().float(), -1).cumsum(-1)
        points = drawing(self.seed, x.device)((x.shape[0], self.num_samples)) * ends[:, -1:]
        return torch.searchsorted(ends, points, right=True).clamp_max(x.shape[1] - 1).to(getattr(torch, self.dtype))


@dataclass(frozen=True)
class Shuffle(Op):
    """out = x permuted at random along ``axis``."""

    axis: int = 0
    seed: object = None

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        axis_of(x, self.axis)
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return x in the order that sorts uniform values."""
        return x.index_select(self.axis, torch.argsort(drawing(self.seed, x.device)((x.shape[self.axis],))))


@dataclass(frozen=True)
class DropoutMask(Op):
    """out = x with dropout, as ApplyDropout, from ``seed``: None, an integer or a SeedGenerator."""

    rate: float
    noise_shape: tuple[int | None, ...] | None = None
    seed: object = None

    def spec(self, x: Spec) -> Spec:
        """Return x's spec; ShapeError where noise_shape does not broadcast to it."""
        return dropout.ApplyDropout(self.rate, self.noise_shape).spec(x)

    def run(self, x: Tensor) -> Tensor:
        """Return the result of ApplyDropout."""
        stream, counter = stream_of(self.seed)
        return dropout.ApplyDropout(self.rate, self.noise_shape, stream).run(x, counter)


def stream_of(seed: Any) -> tuple[int | None, Any]:
    """Return the stream of a seed, None for torch's generator, and the counter of its next call."""
    if seed is None or isinstance(seed, int):
        return seed, 0
    return seed.seed, seed.next()


def drawing(seed: object, device: Any) -> Uniform:
    """Return the function that returns uniform values of a shape on ``device`` from ``seed``."""
    stream, counter = stream_of(seed)
    if stream is None:
        return lambda sizes: torch.rand(sizes, device=device)
    return lambda sizes: counter_rng.hashed(sizes, device, stream, counter)


def _normal(shares: Any) -> Tensor:
    """Return normal values by the Box-Muller transform."""
    radius, angle = shares
    return torch.sqrt(-2 * torch.log1p(-radius)) * torch.cos(2 * math.pi * angle)


def _truncated(share: Any) -> Tensor:
    """Return normal values within CUT deviations of the mean, by the inverse distribution function."""
    return (torch.erfinv(math.erf(CUT / math.sqrt(2)) * (2 * share - 1)) * math.sqrt(2)).clamp(-CUT, CUT)


def _whole(shares: Any, count: Any) -> Tensor:
    """Return integers in [0, count) from 48 random bits each."""
    high, low = shares
    out: Tensor = ((high.double() + low.double() * 2.0**-24) * count).floor().clamp_max(count - 1).long()
    return out
