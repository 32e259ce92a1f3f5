"""Rotary position embeddings."""

from __future__ import annotations

from layercli.core.operation import MultiOutputOp, Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch


@dataclass(frozen=True)
class Rotary(Op):
    """out = x with each pair of features (i, i + n/2) of step t rotated by the angle t * base^(-2i/n).

    x: (batch, steps, heads, features) with an even number n of features. Reference: Su et al., RoFormer, 2021,
    arXiv:2104.09864.
    """

    base: float = 10_000.0

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        if x.rank != 4:
            raise ShapeError(f"expects x with 4 axes, got {x.rank} (x = {x})")
        features = x.shape[-1]
        if isinstance(features, int) and features % 2:
            raise ShapeError(f"expects x with an even number of features, got {features} (x = {x})")
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return the rotated pairs; the angles are computed in float32."""
        _, steps, _, features = x.shape
        speeds = self.base ** (torch.arange(0, features, 2, device=x.device, dtype=torch.float32) / -features)
        angles = torch.outer(torch.arange(steps, device=x.device, dtype=torch.float32), speeds)[:, None, :]
        cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)


@dataclass(frozen=True)
class RotaryAngles(MultiOutputOp):
    """out = factor * cos(a) and factor * sin(a) of the angles a[..., i] = positions[...] * speeds[i], in float32."""

    speeds: tuple[float, ...]
    factor: float = 1.0

    def spec(self, positions: Spec) -> tuple[Spec, Spec]:
        """Return (*positions, pairs), twice."""
        angles = Spec((*positions.shape, len(self.speeds)), "float32")
        return angles, angles

    def run(self, positions: Tensor) -> tuple[Tensor, ...]:
        """Return the cosines and the sines."""
        speeds = torch.tensor(self.speeds, device=positions.device, dtype=torch.float32)
        angles = positions.to(torch.float32).unsqueeze(-1) * speeds
        return angles.cos() * self.factor, angles.sin() * self.factor


@dataclass(frozen=True)
class Rotate(Op):
    """out = x (batch, steps, heads, features) with the first pairs of features rotated by the angles of their step.

    cosine and sine: (batch, steps, pairs), where the batch may be 1. A pair is (i, i + pairs), or (2i, 2i + 1) for
    ``interleaved``, whose results are at i and i + pairs. Features after the pairs are unchanged.
    """

    interleaved: bool = False

    def spec(self, x: Spec, cosine: Spec, sine: Spec) -> Spec:
        """Return x's spec."""
        features, pairs = x.shape[-1], cosine.shape[-1]
        if isinstance(features, int) and isinstance(pairs, int) and 2 * pairs > features:
            raise ShapeError(f"expects x with at least {2 * pairs} features, got {features} (x = {x})")
        return x

    def run(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """Return the rotated pairs."""
        turned = 2 * cosine.shape[-1]
        pairs, rest = x[..., :turned], x[..., turned:]
        cosine, sine = cosine.unsqueeze(-2).to(x.dtype), sine.unsqueeze(-2).to(x.dtype)
        first, second = (pairs[..., ::2], pairs[..., 1::2]) if self.interleaved else pairs.chunk(2, dim=-1)
        parts = [first * cosine - second * sine, second * cosine + first * sine]
        return torch.cat(parts + [rest] if rest.shape[-1] else parts, dim=-1)
