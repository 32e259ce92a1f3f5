"""What the pooling layers share."""

from __future__ import annotations

from typing import Any

from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.validators import DataFormat, Padding, per_axis
from layercli.ops.nn.pooling import Pool


class Pooling(Layer):
    """out[p] = the maximum or the mean of x under the window at p * strides; padding does not count.

    Args:
        strides: The step of the window: an integer, or one for each spatial axis; None for pool_size.
    """

    pool_size: Any = 2
    strides: Any = None
    padding: Padding = "valid"
    data_format: DataFormat = None

    _positional = ("pool_size", "strides", "padding", "data_format", "name")

    axes = 2
    kind = "max"

    def setup(self) -> None:
        """Make the settings one number per axis, and the op they give."""
        name = type(self).__name__
        self.pool_size = per_axis(self.pool_size, self.axes, "pool_size", name)
        strides = self.pool_size if self.strides is None else self.strides
        self.strides = per_axis(strides, self.axes, "strides", name)
        self.op = Pool(self.kind, self.pool_size, self.strides, self.padding, self.data_format == "channels_first")

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(ndim=self.axes + 2)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        return self.op(inputs)
