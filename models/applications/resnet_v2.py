"""Residual networks with pre-activation: He, Zhang, Ren, Sun, "Identity Mappings in Deep Residual Networks", 2016.

The paper is arXiv:1603.05027.
"""

from __future__ import annotations

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.layers import Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import channel_axis
from layercli.models.applications.pretrained_weights import tf_kernels
from layercli.models.applications.resnet import EPSILON, relu
from layercli.models.applications.signatures import standard


@standard("resnet50v2")
def ResNet50V2(of: ImageClassifier) -> Model:
    """ResNet-50 V2: 25.6 M parameters, images of 224 x 224."""
    return resnet_v2(of, "resnet50v2", (3, 4, 6, 3))


@standard("resnet101v2")
def ResNet101V2(of: ImageClassifier) -> Model:
    """ResNet-101 V2: 44.7 M parameters, images of 224 x 224."""
    return resnet_v2(of, "resnet101v2", (3, 4, 23, 3))


@standard("resnet152v2")
def ResNet152V2(of: ImageClassifier) -> Model:
    """ResNet-152 V2: 60.4 M parameters, images of 224 x 224."""
    return resnet_v2(of, "resnet152v2", (3, 8, 36, 3))


def resnet_v2(of: ImageClassifier, published: str, blocks: tuple[int, ...]) -> Model:
    """Return the network with these numbers of blocks in its stages; the last block of each but the last halves the size."""
    image = of.image(224)
    x = ZeroPadding2D(3, name="conv1_pad")(image)
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = ZeroPadding2D(1, name="pool1_pad")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, count in enumerate(blocks):
        for i in range(count):
            halves = i == count - 1 and stage < len(blocks) - 1
            name = f"conv{stage + 2}_block{i + 1}"
            x = preactivated_bottleneck(x, 64 * 2**stage, name, 2 if halves else 1, project=not i)
    x = activated(x, "post")
    return of.model(image, of.head(x, named_pooling=True), tf_kernels("resnet", published, of.include_top))


def preactivated_bottleneck(x: Tensor, filters: int, name: str, strides: int, project: bool) -> Tensor:
    """Return f(a) + shortcut for a = relu(bn(x)): the shortcut is x, thinned out by the strides, or a convolution of a."""
    a = activated(x, f"{name}_preact")
    if project:
        shortcut = Conv2D(4 * filters, 1, strides=strides, name=f"{name}_0_conv")(a)
    else:
        shortcut = MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    y = Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(a)
    y = ZeroPadding2D(1, name=f"{name}_2_pad")(activated(y, f"{name}_1"))
    y = Conv2D(filters, 3, strides=strides, use_bias=False, name=f"{name}_2_conv")(y)
    y = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(activated(y, f"{name}_2"))
    return Add(name=f"{name}_out")([shortcut, y])


def activated(x: Tensor, name: str) -> Tensor:
    """Return relu(bn(x)); the names of the two layers begin with ``name``."""
    stem = f"{name}_" if name else ""
    return relu(BatchNormalization(channel_axis(), epsilon=EPSILON, name=f"{stem}bn")(x), f"{stem}relu")
