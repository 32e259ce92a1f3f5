"""What depthwise and separable convolutions share."""

from __future__ import annotations

from typing import Any

from layercli.layers.convolutional.base_conv import BaseWindowLayer
from layercli.ops.nn.convolution import DepthwiseConvolution


class Depthwise(BaseWindowLayer):
    """A layer whose kernel convolves each channel to ``depth_multiplier`` channels."""

    def setup(self: Any) -> None:
        """Make the op of the settings."""
        super().setup()
        settings = (self.kernel_size, self.strides, self.padding, self.dilation_rate)
        self.depthwise = DepthwiseConvolution(*settings, self.channels_first)

    @property
    def depthwise_layout(self) -> tuple[int, ...]:
        """The order (channels, multiplier, *size) of (*size, channels, multiplier): torch's weight is a view of it."""
        return (self.axes, self.axes + 1, *range(self.axes))
