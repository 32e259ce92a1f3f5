"""Dot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.core.types import Tensor
from layercli.errors import ArgumentError
from layercli.layers.merging.base_merge import Merge
from layercli.layers.validators import Bool
from layercli.ops.numpy.elementwise import Binary
from layercli.ops.numpy.linear import BatchDot
from layercli.ops.numpy.reductions import Reduction


class Dot(Merge):
    """out[n, ...] = sum over i of x[n, ..., i, ...] * y[n, ..., i, ...], of a list of two inputs.

    Where no other axis is left, out is (batch, 1).

    Args:
        axes: The axis to sum over, in both inputs, or a pair of axes.
        normalize: Whether to divide x and y by their norms along it, which gives the cosine similarity.
    """

    axes: Any
    normalize: Bool = False
    takes_two = True

    def setup(self) -> None:
        """Make ``axes`` two numbers, and the op of them."""
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(axis, int) for axis in pair):
            raise ArgumentError(f"Dot expects axes to be an integer or two of them, got {self.axes!r}")
        self.op = BatchDot((pair[0], pair[1]))

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the outputs."""
        x, y = self.checked(inputs)
        if self.normalize:
            x, y = (unit(each, axis) for each, axis in zip((x, y), self.op.axes, strict=True))
        return self.op(x, y)

    def compute_mask(self, inputs: Sequence[Tensor], previous_mask: Tensor) -> Any:
        """Return None: the result has no steps."""
        return None


def unit(x: Tensor, axis: int) -> Tensor:
    """Return x divided by its length along ``axis``."""
    length = Reduction("sum", axis, keepdims=True)(x * x)
    return x * Binary("power")(Binary("maximum")(length, 1e-12), -0.5)
