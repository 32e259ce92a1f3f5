"""Normalizations: subtract a mean, divide by a deviation, scale and shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core import dims
from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import torch


@dataclass(frozen=True)
class BatchNorm(Op):
    """out = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel of ``axis``.

    In ``training`` mean and variance are the batch's own, and returned beside out; otherwise they are given.
    """

    axis: int = -1
    epsilon: float = 1e-3
    training: bool = False

    def spec(self, x: Spec, mean: Spec, variance: Spec, gamma: Spec | None = None, beta: Spec | None = None) -> Any:
        """Return x's spec, and in training the batch's mean and variance."""
        if not -x.rank <= self.axis < x.rank:
            raise ShapeError(f"expects x with an axis {self.axis} (x = {x})")
        channels = x.shape[self.axis]
        if not dims.may_equal(channels, mean.shape[0]):
            raise ShapeError(f"expects x with {mean.shape[0]} channels, got {channels} (x = {x})")
        return (x, mean, variance) if self.training else x

    def run(self, x: Any, mean: Any, variance: Any, gamma: Any = None, beta: Any = None) -> Any:
        """Return torch's batch_norm with the channels on axis 1, a view."""
        moved = x.movedim(self.axis, 1) if x.ndim > 2 else x
        if not self.training:
            return self._back(torch.batch_norm(moved, gamma, beta, mean, variance, False, 0.0, self.epsilon, CUDNN), x)
        mean, variance = torch.zeros_like(mean), torch.zeros_like(variance)
        out = torch.batch_norm(moved, gamma, beta, mean, variance, True, 1.0, self.epsilon, CUDNN)
        count = x.numel() // x.shape[self.axis]
        biased = variance * ((count - 1) / count) if count > 1 else torch.zeros_like(variance)
        return self._back(out, x), mean, biased

    def _back(self, out: Any, x: Any) -> Any:
        return out.movedim(1, self.axis) if x.ndim > 2 else out


CUDNN = True
"""Let torch choose cuDNN where it can."""
