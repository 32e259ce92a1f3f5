"""DenseNet: Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", 2016 (arXiv:1608.06993)."""

from __future__ import annotations

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.layers import AveragePooling2D, Concatenate, Conv2D, MaxPooling2D, ZeroPadding2D
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import require_channels_last
from layercli.models.applications.pretrained_weights import tf_kernels
from layercli.models.applications.resnet_v2 import activated
from layercli.models.applications.signatures import standard

GROWTH = 32
"""The channels that each block adds."""


@standard("densenet121")
def DenseNet121(of: ImageClassifier) -> Model:
    """DenseNet-121: 8.1 M parameters, images of 224 x 224."""
    return densenet(of, "densenet121", (6, 12, 24, 16))


@standard("densenet169")
def DenseNet169(of: ImageClassifier) -> Model:
    """DenseNet-169: 14.3 M parameters, images of 224 x 224."""
    return densenet(of, "densenet169", (6, 12, 32, 32))


@standard("densenet201")
def DenseNet201(of: ImageClassifier) -> Model:
    """DenseNet-201: 20.2 M parameters, images of 224 x 224."""
    return densenet(of, "densenet201", (6, 12, 48, 32))


def densenet(of: ImageClassifier, published: str, blocks: tuple[int, ...]) -> Model:
    """Return the network with these numbers of blocks in its stages, and a transition between two stages."""
    require_channels_last(of.name)
    image = of.image(224)
    x = Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(ZeroPadding2D(3)(image))
    x = ZeroPadding2D(1)(activated(x, "conv1"))
    x = MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, count in enumerate(blocks, 2):
        if stage > 2:
            x = transition(x, f"pool{stage - 1}")
        for i in range(1, count + 1):
            x = dense_block(x, f"conv{stage}_block{i}")
    x = activated(x, "")
    return of.model(image, of.head(x, named_pooling=True), tf_kernels("densenet", published, of.include_top))


def dense_block(x: Tensor, name: str) -> Tensor:
    """Return x with the channels of two convolutions of it appended."""
    y = activated(x, f"{name}_0")
    y = Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(activated(y, f"{name}_1"))
    return Concatenate(name=f"{name}_concat")([x, y])


def transition(x: Tensor, name: str) -> Tensor:
    """Return x with half the channels and half the size."""
    x = Conv2D(x.shape[-1] // 2, 1, use_bias=False, name=f"{name}_conv")(activated(x, name))
    return AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)
