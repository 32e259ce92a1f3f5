"""The product of two tensors sample by sample, summed over one axis of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.op import Op
from layercli.core.spec import Shape, Spec
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.elementwise import promoted


@dataclass(frozen=True)
class BatchDot(Op):
    """out[n, ..., ...] = sum over i of x[n, ..., i, ...] y[n, ..., i, ...]: ``axes`` are those of i in x and in y.

    The rest of x's axes comes first, then the rest of y's; where neither has any, the result is (batch, 1).
    """

    axes: tuple[int, int]

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return (batch, *rest of x, *rest of y); ShapeError where the summed sizes differ."""
        (batch, rows, inner), (other, columns, same) = (_apart(*pair) for pair in zip((x, y), self.axes, strict=True))
        if not dims.may_equal(batch, other) or not dims.may_equal(inner, same):
            pair = f"axis {self.axes[0]} of x and axis {self.axes[1]} of y"
            raise ShapeError(f"expects {pair} of one size, and as many samples (x = {x}, y = {y})")
        return Spec((batch, *((*rows, *columns) or (1,))), promoted(x, y))

    def macs(self, x: Spec, y: Spec) -> Size:
        """Return the size of the result x the summed size."""
        return self.spec(x, y).size * x.shape[self.axes[0]]

    def run(self, x: Any, y: Any) -> Any:
        """Return torch's batched matrix product of x, its axis last, and y, its axis second, the others joined."""
        left, right = x.movedim(self.axes[0], -1), y.movedim(self.axes[1], 1)
        shape = (*left.shape[:-1], *right.shape[2:])
        out = torch.bmm(left.reshape(len(x), -1, left.shape[-1]), right.reshape(len(y), right.shape[1], -1))
        return out.reshape(shape if len(shape) > 1 else (len(x), 1))


def _apart(x: Spec, axis: int) -> tuple[Size, Shape, Size]:
    """Return the batch, the axes that stay, and the size that is summed over."""
    if not -x.rank < axis < x.rank or axis in (0, -x.rank):
        raise ShapeError(f"expects inputs with an axis {axis} after the batch (x = {x})")
    inner = axis % x.rank
    return x.shape[0], tuple(n for i, n in enumerate(x.shape) if i not in (0, inner)), x.shape[inner]
