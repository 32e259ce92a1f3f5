"""Residual networks: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385)."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.model import Model
from layercli.core.spec import Spec
from layercli.layers.convolution import Conv2D
from layercli.layers.normalization import BatchNormalization
from layercli.layers.settings import Filters3, PositiveInt


class ResnetIdentityBlock(Model):
    """The identity block of a ResNet, as in TensorFlow's tutorial on custom layers: three convolutions beside a shortcut.

    The last of ``filters`` must be the number of the input's channels, which the shortcut adds.
    """

    kernel_size: PositiveInt = 1
    filters: Filters3 = (1, 2, 3)

    def setup(self) -> None:
        """Make the six layers."""
        filters1, filters2, filters3 = self.filters
        self.conv2a = Conv2D(filters1, (1, 1))
        self.bn2a = BatchNormalization()
        self.conv2b = Conv2D(filters2, self.kernel_size, padding="same")
        self.bn2b = BatchNormalization()
        self.conv2c = Conv2D(filters3, (1, 1))
        self.bn2c = BatchNormalization()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return relu(block(inputs) + inputs)."""
        x = ops.relu(self.bn2a(self.conv2a(inputs), training=training))
        x = ops.relu(self.bn2b(self.conv2b(x), training=training))
        x = self.bn2c(self.conv2c(x), training=training)
        return ops.relu(x + inputs)

    def example_input(self) -> Spec:
        """Return the tutorial's input, with the channels the shortcut needs."""
        return Spec((1, 2, 3, self.filters[-1]))
