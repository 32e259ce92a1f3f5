"""Flatten."""

from __future__ import annotations

from layercli.core.input_spec import InputSpec
from layercli.core.layer import Layer
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.layers.validators import DataFormat
from layercli.ops.numpy import reshaping


class Flatten(Layer):
    """Flatten each sample: x (batch, ...) to (batch, values).

    Args:
        data_format: "channels_first" moves the channels last before flattening; None and "channels_last" do not.
    """

    data_format: DataFormat = None
    op = reshaping.ReshapeTensor((-1,), batched=True)

    def _expected_input(self, shape: Shape | None) -> InputSpec:
        return InputSpec(min_ndim=1)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = reshaping.Transpose((0, *range(2, rank), 1))(inputs)
        return self.op(inputs)
