"""CategoryEncoding."""

from __future__ import annotations

from typing import Annotated, Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.layers.validators import Bool, PositiveInt, one_of
from layercli.ops.nn.category_encoding import CategoryCount, CategoryMultiHot, CategoryOneHot

ENCODINGS: dict[str, Any] = {"one_hot": CategoryOneHot, "multi_hot": CategoryMultiHot, "count": CategoryCount}


class CategoryEncoding(Layer):
    """Encode integers below num_tokens as vectors of that size. Negative ones are ignored.

    "one_hot": x (..., 1) to (..., num_tokens), a vector for each integer. "multi_hot": x (batch, n) to (batch, num_tokens), 1 for
    each integer that occurs in a sample. "count": the number of occurrences, or the sum of their ``count_weights``. Raises
    UsageError for count_weights with another output_mode, ValueRangeError for an integer that is too large.

    Args:
        num_tokens: The number of categories.
        output_mode: "multi_hot", "one_hot" or "count".
    """

    num_tokens: PositiveInt = None  # type: ignore[assignment]  # a default of Keras's, which it refuses as well
    output_mode: Annotated[str, one_of("multi_hot", "one_hot", "count", "binary")] = "multi_hot"
    sparse: Bool = False

    def setup(self) -> None:
        """Make the op of the settings."""
        check_dense(self)
        self.output_mode = "multi_hot" if self.output_mode == "binary" else self.output_mode
        self.op = ENCODINGS[self.output_mode](self.num_tokens, self.dtype)

    def call(self, inputs: Tensor, count_weights: Any = None) -> Any:
        """Return the vectors."""
        if count_weights is None:
            return self.op(inputs)
        if self.output_mode != "count":
            raise UsageError(f"takes count_weights only where output_mode is 'count', not {self.output_mode!r}")
        return self.op(inputs, count_weights)


def check_dense(layer: Any) -> None:
    """Raise UsageError where sparse outputs are asked for."""
    if layer.sparse:
        raise UsageError(f"{type(layer).__name__} has no sparse outputs here: layercli computes dense ones")
