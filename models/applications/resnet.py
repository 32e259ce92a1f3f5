"""Residual networks: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385)."""

from __future__ import annotations

from typing import Any

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import channel_axis
from layercli.models.applications.pretrained_weights import tf_kernels
from layercli.models.applications.signatures import standard

EPSILON = 1.001e-5
"""The epsilon of the batch normalizations."""


@standard("resnet50")
def ResNet50(of: ImageClassifier) -> Model:
    """ResNet-50: 25.6 M parameters, images of 224 x 224."""
    return resnet(of, "resnet50", (3, 4, 6, 3))


@standard("resnet101")
def ResNet101(of: ImageClassifier) -> Model:
    """ResNet-101: 44.7 M parameters, images of 224 x 224."""
    return resnet(of, "resnet101", (3, 4, 23, 3))


@standard("resnet152")
def ResNet152(of: ImageClassifier) -> Model:
    """ResNet-152: 60.4 M parameters, images of 224 x 224."""
    return resnet(of, "resnet152", (3, 8, 36, 3))


def resnet(of: ImageClassifier, published: str, blocks: tuple[int, ...]) -> Model:
    """Return the network with these numbers of bottleneck blocks in its stages, called conv2 to conv5."""
    image = of.image(224)
    x = ZeroPadding2D(3, name="conv1_pad")(image)
    x = relu(normalized_conv(x, 64, 7, "conv1", strides=2), "conv1_relu")
    x = ZeroPadding2D(1, name="pool1_pad")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, count in enumerate(blocks):
        for i in range(count):
            strides = 2 if stage and not i else 1
            x = bottleneck(x, 64 * 2**stage, f"conv{stage + 2}_block{i + 1}", strides, project=not i)
    return of.model(image, of.head(x, named_pooling=True), tf_kernels("resnet", published, of.include_top))


def bottleneck(x: Tensor, filters: int, name: str, strides: int, project: bool) -> Tensor:
    """Return relu(f(x) + shortcut): f is 1x1, 3x3 and 1x1 convolutions; the shortcut is x, or a 1x1 convolution of it."""
    shortcut = normalized_conv(x, 4 * filters, 1, f"{name}_0", strides=strides) if project else x
    x = relu(normalized_conv(x, filters, 1, f"{name}_1", strides=strides), f"{name}_1_relu")
    x = relu(normalized_conv(x, filters, 3, f"{name}_2", padding="same"), f"{name}_2_relu")
    x = normalized_conv(x, 4 * filters, 1, f"{name}_3")
    return relu(Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")


def normalized_conv(x: Tensor, filters: int, size: int, name: str, **arguments: Any) -> Tensor:
    """Return a convolution of x, normalized over the batch."""
    x = Conv2D(filters, size, name=f"{name}_conv", **arguments)(x)
    return BatchNormalization(channel_axis(), epsilon=EPSILON, name=f"{name}_bn")(x)


def relu(x: Tensor, name: str) -> Tensor:
    """Return the positive part of x, by a layer of that name."""
    return Activation("relu", name=name)(x)
