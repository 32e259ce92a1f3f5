"""Adaptive pooling: windows that give a wanted output size."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.validators import DataFormat, per_axis
from layercli.ops.nn.pooling import AdaptivePool


class AdaptivePooling(Layer):
    """out[i] = the maximum or the mean of x from floor(i * size / output_size) to ceil((i + 1) * size / output_size)."""

    output_size: Any
    data_format: DataFormat = None

    axes = 2
    kind = "max"

    def setup(self) -> None:
        """Make ``output_size`` one number per axis, and the op it gives."""
        self.output_size = per_axis(self.output_size, self.axes, "output_size", type(self).__name__)
        self.op = AdaptivePool(self.kind, self.output_size, self.data_format == "channels_first")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs."""
        return self.op(inputs)


class AdaptiveMaxPooling1D(AdaptivePooling):
    """The maximum of each of output_size windows: x (batch, steps, channels) to (batch, output_size, channels)."""

    axes = 1


class AdaptiveMaxPooling2D(AdaptivePooling):
    """The maximum of each of output_size windows: x (batch, height, width, channels) to (batch, *output_size, channels)."""


class AdaptiveMaxPooling3D(AdaptivePooling):
    """The maximum of each of output_size windows: x (batch, depth, height, width, channels) to (batch, *output_size, channels)."""

    axes = 3


class AdaptiveAveragePooling1D(AdaptivePooling):
    """The mean of each of output_size windows: x (batch, steps, channels) to (batch, output_size, channels)."""

    axes = 1
    kind = "average"


class AdaptiveAveragePooling2D(AdaptivePooling):
    """The mean of each of output_size windows: x (batch, height, width, channels) to (batch, *output_size, channels)."""

    kind = "average"


class AdaptiveAveragePooling3D(AdaptivePooling):
    """The mean of each of output_size windows: x (batch, depth, height, width, channels) to (batch, *output_size, channels)."""

    axes = 3
    kind = "average"
