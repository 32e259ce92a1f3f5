"""Reshape."""

from __future__ import annotations

from typing import Any

from layercli.core import dims
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.ops.numpy import reshaping


class Reshape(Layer):
    """Reshape each sample: x (batch, ...) to (batch, *target_shape).

    Args:
        target_shape: The shape without the batch; one size may be -1, which is computed from the others.
    """

    target_shape: Any

    def setup(self) -> None:
        """Check the shape, and make the op of it."""
        sizes = self.target_shape
        self.target_shape = (
            (sizes,) if isinstance(sizes, int) else tuple(-1 if size == dims.UNKNOWN else size for size in sizes)
        )
        open_sizes = sum(size == -1 for size in self.target_shape)
        whole = all(isinstance(size, int) and size >= -1 for size in self.target_shape)
        if not whole or open_sizes > 1:
            raise UsageError(f"Reshape expects integers, at most one of them -1, got {self.target_shape}")
        self.op = reshaping.ReshapeTensor(self.target_shape, batched=True)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        return self.op(inputs)
