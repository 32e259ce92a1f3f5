"""What two directions, and steps taken for examples, need of reshaping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core.op import Op
from layercli.core.spec import Spec
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.elementwise import broadcast_shapes, promoted


@dataclass(frozen=True)
class Reversed(Op):
    """out[b, t] = x[b, steps - 1 - t]."""

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Any) -> Any:
        """Return torch's flip."""
        return x.flip(1)


@dataclass(frozen=True)
class Concatenated(Op):
    """out = x and y side by side along the last axis."""

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return the shape with both last sizes."""
        return Spec((*broadcast_shapes(x.shape[:-1], y.shape[:-1]), x.shape[-1] + y.shape[-1]), promoted(x, y))

    def run(self, x: Any, y: Any) -> Any:
        """Return torch's cat."""
        return torch.cat((x, y), -1)


@dataclass(frozen=True)
class StepsAsExamples(Op):
    """out = x (batch, steps, ...) with a step for an example: (batch x steps, ...)."""

    def spec(self, x: Spec) -> Spec:
        """Return (batch x steps, ...)."""
        if x.rank < 2:
            raise ShapeError(f"expects x with at least 2 axes (batch, steps), got {x.rank} (x = {x})")
        batch, steps, *rest = x.shape
        return Spec((batch * steps, *rest), x.dtype)

    def run(self, x: Any) -> Any:
        """Return torch's flatten."""
        return x.flatten(0, 1)


@dataclass(frozen=True)
class ExamplesAsSteps(Op):
    """out = y (batch x steps, ...) with the batch and the steps of x (batch, steps, ...)."""

    def spec(self, y: Spec, x: Spec) -> Spec:
        """Return (batch, steps, ...)."""
        return Spec((*x.shape[:2], *y.shape[1:]), y.dtype)

    def run(self, y: Any, x: Any) -> Any:
        """Return torch's unflatten."""
        return y.unflatten(0, x.shape[:2])
