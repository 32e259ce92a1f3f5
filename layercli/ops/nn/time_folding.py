"""Time reversal, and the merging of time steps into the batch."""

from __future__ import annotations

from typing import Any

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError


@dataclass(frozen=True)
class ReverseTime(Op):
    """out[b, t] = x[b, steps - 1 - t]."""

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's flip."""
        return x.flip(1)


@dataclass(frozen=True)
class MergeTimeIntoBatch(Op):
    """out = x (batch, steps, ...) reshaped to (batch x steps, ...)."""

    def spec(self, x: Spec) -> Spec:
        """Return (batch x steps, ...)."""
        if x.rank < 2:
            raise ShapeError(f"expects x with at least 2 axes (batch, steps), got {x.rank} (x = {x})")
        batch, steps, *rest = x.shape
        return Spec((batch * steps, *rest), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's flatten."""
        return x.flatten(0, 1)


@dataclass(frozen=True)
class SplitTimeFromBatch(Op):
    """out = y (batch x steps, ...) reshaped to the batch and steps of x: (batch, steps, ...)."""

    def spec(self, y: Spec, x: Spec) -> Spec:
        """Return (batch, steps, ...)."""
        return Spec((*x.shape[:2], *y.shape[1:]), y.dtype)

    def run(self, y: Any, x: Any) -> Tensor:
        """Return torch's unflatten."""
        out: Tensor = y.unflatten(0, x.shape[:2])
        return out
