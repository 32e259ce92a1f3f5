"""The same values in another shape or order."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.errors import UsageError
from layercli.layers.settings import DataFormat, PositiveInt
from layercli.ops.core.axes import check_rank
from layercli.ops.numpy import reshaping
from layercli.ops.numpy.rearrangement import Repeat


class Flatten(Layer):
    """out = the values of each sample in a row: x (batch, ...) to (batch, values); ``channels_first`` puts channels last."""

    data_format: DataFormat = None
    op = reshaping.Reshape((-1,), batched=True)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = reshaping.Transpose((0, *range(2, rank), 1))(inputs)
        return self.op(inputs)


class Reshape(Layer):
    """out = the values of each sample in ``target_shape`` (without the batch), where one -1 stands for what is left."""

    target_shape: Any

    def setup(self) -> None:
        """Check the shape, and make the op of it."""
        sizes = self.target_shape
        self.target_shape = (sizes,) if isinstance(sizes, int) else tuple(sizes)
        open_sizes = sum(size == -1 for size in self.target_shape)
        whole = all(isinstance(size, int) and size >= -1 for size in self.target_shape)
        if not whole or open_sizes > 1:
            raise UsageError(f"Reshape expects whole numbers, at most one of them -1, got {self.target_shape}")
        self.op = reshaping.Reshape(self.target_shape, batched=True)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        return self.op(inputs)


class Permute(Layer):
    """out = x with the axes of a sample in the order ``dims``, which counts them from 1: (2, 1) exchanges two."""

    dims: Any

    def setup(self) -> None:
        """Check the order, and make the op of it."""
        self.dims = tuple(self.dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise UsageError(f"Permute expects each number from 1 to {len(self.dims)} once, got {self.dims}")
        self.op = reshaping.Transpose((0, *self.dims))

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        check_rank(inputs, len(self.dims) + 1)
        return self.op(inputs)


class RepeatVector(Layer):
    """out[b, t] = x[b] for t below ``n``: x (batch, features) to (batch, n, features)."""

    n: PositiveInt

    def setup(self) -> None:
        """Make the op of the number."""
        self.op = Repeat(self.n, 1)

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        check_rank(inputs, 2)
        return self.op(reshaping.ExpandDims(1)(inputs))
