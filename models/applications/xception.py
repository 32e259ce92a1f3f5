"""Xception: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2016 (arXiv:1610.02357)."""

from __future__ import annotations

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.layers import Add, BatchNormalization, Conv2D, MaxPooling2D, SeparableConv2D
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import channel_axis
from layercli.models.applications.pretrained_weights import tf_kernels
from layercli.models.applications.resnet import relu
from layercli.models.applications.signatures import standard

ENTRY = (128, 256, 728)
"""The filters of blocks 2 to 4, which halve the size."""
MIDDLE = range(5, 13)
"""The numbers of the blocks that keep the size and the 728 filters."""


@standard("xception")
def Xception(of: ImageClassifier) -> Model:
    """Xception: 22.9 M parameters, images of 299 x 299."""
    x = image = of.image(299, smallest=71)
    for i, (filters, strides) in enumerate(((32, 2), (64, 1)), 1):
        name = f"block1_conv{i}"
        x = Conv2D(filters, 3, strides=strides, use_bias=False, name=name)(x)
        x = relu(BatchNormalization(channel_axis(), name=f"{name}_bn")(x), f"{name}_act")
    for block, filters in enumerate(ENTRY, 2):
        x = halving(x, (filters, filters), f"block{block}", begins_with_relu=block > 2)
    for block in MIDDLE:
        y = x
        for i in (1, 2, 3):
            y = separable(relu(y, f"block{block}_sepconv{i}_act"), 728, f"block{block}_sepconv{i}")
        x = Add()([y, x])
    x = halving(x, (728, 1024), "block13", begins_with_relu=True)
    for i, filters in enumerate((1536, 2048), 1):
        x = relu(separable(x, filters, f"block14_sepconv{i}"), f"block14_sepconv{i}_act")
    return of.model(image, of.head(x), tf_kernels("xception", "xception", of.include_top))


def halving(x: Tensor, filters: tuple[int, int], name: str, begins_with_relu: bool) -> Tensor:
    """Return two separable convolutions and a maximum pooling of x, plus a convolution of x as the shortcut."""
    shortcut = Conv2D(filters[1], 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = BatchNormalization(channel_axis())(shortcut)
    if begins_with_relu:
        x = relu(x, f"{name}_sepconv1_act")
    x = relu(separable(x, filters[0], f"{name}_sepconv1"), f"{name}_sepconv2_act")
    x = separable(x, filters[1], f"{name}_sepconv2")
    x = MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    return Add()([x, shortcut])


def separable(x: Tensor, filters: int, name: str) -> Tensor:
    """Return a separable 3x3 convolution of x, normalized over the batch."""
    x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return BatchNormalization(channel_axis(), name=f"{name}_bn")(x)
