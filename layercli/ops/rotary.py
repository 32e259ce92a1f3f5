"""Rotary positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import torch


@dataclass(frozen=True)
class Rotary(Op):
    """out = x with each pair of features (i, i + n/2) of step t turned by the angle t * base^(-2i/n).

    x is (batch, steps, heads, features), features being even (Su et al., "RoFormer", 2021, arXiv:2104.09864).
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

    def run(self, x: Any) -> Any:
        """Return the pairs turned; angles are worked out in float32."""
        _, steps, _, features = x.shape
        speeds = self.base ** (torch.arange(0, features, 2, device=x.device, dtype=torch.float32) / -features)
        angles = torch.outer(torch.arange(steps, device=x.device, dtype=torch.float32), speeds)[:, None, :]
        cosine, sine = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
