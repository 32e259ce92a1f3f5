"""Several inputs made one: each layer is called on a list of them."""

from __future__ import annotations

from typing import Any

from layercli.errors import UsageError
from layercli.layers.merging.base_merge import Merge
from layercli.layers.validators import Bool
from layercli.ops.numpy.elementwise import Binary
from layercli.ops.numpy.linear import BatchDot
from layercli.ops.numpy.reductions import Reduction


class Dot(Merge):
    """out[n, ...] = the sum of x[n, ..., i, ...] y[n, ..., i, ...] over i, which runs along ``axes``, one of x and one of y.

    One number means the same axis in both. ``normalize`` divides x and y by their lengths along it, which gives cosines.
    Where no other axis is left out is (batch, 1).
    """

    axes: Any
    normalize: Bool = False
    takes_two = True

    def setup(self) -> None:
        """Make ``axes`` two numbers, and the op of them."""
        pair = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(axis, int) for axis in pair):
            raise UsageError(f"Dot expects axes to be an integer or two of them, got {self.axes!r}")
        self.op = BatchDot((pair[0], pair[1]))

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        x, y = self.checked(inputs)
        if self.normalize:
            x, y = (unit(each, axis) for each, axis in zip((x, y), self.op.axes, strict=True))
        return self.op(x, y)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return none: the steps are gone."""
        return None


def unit(x: Any, axis: int) -> Any:
    """Return x divided by its length along ``axis``."""
    length = Reduction("sum", axis, keepdims=True)(x * x)
    return x * Binary("power")(Binary("maximum")(length, 1e-12), -0.5)
