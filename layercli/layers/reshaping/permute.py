"""Permute."""

from __future__ import annotations

from typing import Any

from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.ops.core.axes import check_rank
from layercli.ops.numpy import reshaping


class Permute(Layer):
    """Transpose the axes of each sample: ``Permute((2, 1))`` takes x (batch, a, b) to (batch, b, a).

    Args:
        dims: The axes in their new order, counted from 1, without the batch.
    """

    dims: Any

    def setup(self) -> None:
        """Check the order, and make the op of it."""
        self.dims = tuple(self.dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise UsageError(f"Permute expects each number from 1 to {len(self.dims)} once, got {self.dims}")
        self.op = reshaping.Transpose((0, *self.dims))

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        check_rank(inputs, len(self.dims) + 1)
        return self.op(inputs)
