"""Residual networks: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385)."""

from __future__ import annotations

from layercli import ops
from layercli.core.model import Model
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.layers.convolutional.conv import Conv2D
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.batch_normalization import BatchNormalization
from layercli.layers.pooling.global_pooling import GlobalAveragePooling2D
from layercli.layers.pooling.max_pooling import MaxPooling2D
from layercli.layers.reshaping.zero_padding import ZeroPadding2D
from layercli.layers.validators import Bool, Filters3, PositiveInt


class ResnetIdentityBlock(Model):
    """The identity block of a ResNet, from a tutorial.

    Three convolutions and a shortcut, as in TensorFlow's tutorial on custom layers. The last
    of ``filters`` must equal the number of the input's channels, because the shortcut adds them.
    """

    kernel_size: PositiveInt = 1
    filters: Filters3 = (1, 2, 3)

    def setup(self) -> None:
        """Create the six layers."""
        filters1, filters2, filters3 = self.filters
        self.conv2a = Conv2D(filters1, (1, 1))
        self.bn2a = BatchNormalization()
        self.conv2b = Conv2D(filters2, self.kernel_size, padding="same")
        self.bn2b = BatchNormalization()
        self.conv2c = Conv2D(filters3, (1, 1))
        self.bn2c = BatchNormalization()

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return relu(block(inputs) + inputs)."""
        x = ops.relu(self.bn2a(self.conv2a(inputs), training=training))
        x = ops.relu(self.bn2b(self.conv2b(x), training=training))
        x = self.bn2c(self.conv2c(x), training=training)
        return ops.relu(x + inputs)

    def example_input(self) -> Spec:
        """Return the tutorial's input, with the channels the shortcut needs."""
        return Spec((1, 2, 3, self.filters[-1]))


class Bottleneck(Model):
    """Three convolutions, 1x1, 3x3 and 1x1, and a shortcut; ``project`` adds a convolution to the shortcut."""

    filters: PositiveInt
    strides: PositiveInt = 1
    project: Bool = False

    def setup(self) -> None:
        """Create the convolutions and normalizations; the first convolution has the stride."""
        self.conv1 = Conv2D(self.filters, 1, strides=self.strides)
        self.bn1 = BatchNormalization(epsilon=EPSILON)
        self.conv2 = Conv2D(self.filters, 3, padding="same")
        self.bn2 = BatchNormalization(epsilon=EPSILON)
        self.conv3 = Conv2D(4 * self.filters, 1)
        self.bn3 = BatchNormalization(epsilon=EPSILON)
        if self.project:
            self.conv0 = Conv2D(4 * self.filters, 1, strides=self.strides)
            self.bn0 = BatchNormalization(epsilon=EPSILON)

    def call(self, inputs: Tensor) -> Tensor:
        """Return relu(block(inputs) + shortcut(inputs))."""
        x = ops.relu_(self.bn1(self.conv1(inputs)))
        x = ops.relu_(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        x += self.bn0(self.conv0(inputs)) if self.project else inputs
        return ops.relu_(x)


class ResNet50(Model):
    """ResNet-50: 25.6 M parameters, images of 224 x 224.

    Keras's layout: 25,636,712 parameters with 1000 classes. Images may have any
    size of at least 32; the outputs are class probabilities.
    """

    classes: PositiveInt = 1000

    def setup(self) -> None:
        """Create the stem, four stages of 3, 4, 6 and 3 blocks, and the head."""
        self.pad = ZeroPadding2D(3)
        self.conv1 = Conv2D(64, 7, strides=2)
        self.bn1 = BatchNormalization(epsilon=EPSILON)
        self.pool_pad = ZeroPadding2D(1)
        self.pool1 = MaxPooling2D(3, strides=2)
        self.stages = [stage(64 * 2**i, blocks, strides=1 if i == 0 else 2) for i, blocks in enumerate((3, 4, 6, 3))]
        self.average = GlobalAveragePooling2D()
        self.predictions = Dense(self.classes, activation="softmax")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the probabilities (batch, classes)."""
        x = ops.relu_(self.bn1(self.conv1(self.pad(inputs))))
        x = self.pool1(self.pool_pad(x))
        for blocks in self.stages:
            for block in blocks:
                x = block(x)
        return self.predictions(self.average(x))

    def example_input(self) -> Spec:
        """Return one image."""
        return Spec((1, 224, 224, 3))


EPSILON = 1.001e-5
"""The epsilon of batch normalization in Keras's ResNet."""


def stage(filters: int, blocks: int, strides: int) -> list[Bottleneck]:
    """Return blocks of one width; the first of them changes the size."""
    return [Bottleneck(filters, strides, project=True), *(Bottleneck(filters) for _ in range(blocks - 1))]
