"""ReLU."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.layers.validators import Number
from layercli.ops.nn import activations as ops


class ReLU(Layer):
    """out = x where x > threshold, else negative_slope * (x - threshold), and at most max_value.

    Raises UsageError for a negative argument.

    Args:
        max_value: The largest value of out; None for no limit.
        threshold: The value up to which x is scaled.
    """

    max_value: Any = None
    negative_slope: Number = 0.0
    threshold: Number = 0.0

    supports_masking = True

    def setup(self) -> None:
        """Make the op."""
        for name in ("max_value", "negative_slope", "threshold"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise UsageError(f"ReLU expects {name} to be at least 0, got {value!r}")
        self.op = ops.Relu(self.negative_slope, self.max_value, self.threshold)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs)
