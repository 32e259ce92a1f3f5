"""MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018 (arXiv:1801.04381)."""

from __future__ import annotations

from layercli.core.dims import known
from layercli.core.model import Model
from layercli.core.types import ShapeLike, Tensor
from layercli.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    ReLU,
    ZeroPadding2D,
)
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import channel_axis, channels_of, sizes_of
from layercli.models.applications.pretrained_weights import published_size, rows, tf_kernels

STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""The expansion, the filters, the number of blocks and the strides of the first block of each stage: the paper's table 2."""
SIZES = (96, 128, 160, 192, 224)
"""The sizes of images for which there are ImageNet weights."""
WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
"""The values of alpha for which there are ImageNet weights."""


def MobileNetV2(
    input_shape: ShapeLike | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: object = "imagenet",
    input_tensor: object = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: object = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNetV2: 3.5 M parameters, images of 224 x 224.

    ``alpha`` scales the filters.
    """
    size = published_size(input_shape, SIZES)
    of = ImageClassifier(
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation,
        name or f"mobilenetv2_{alpha:.2f}_{rows(input_shape, include_top)}",
    )  # fmt: skip
    of.require("alpha", alpha, WIDTHS)
    image = of.image(size)
    x = Conv2D(divisible(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(image)
    x = ReLU(6.0, name="Conv1_relu")(normalized(x, "bn_Conv1"))
    number = 0
    for expansion, filters, blocks, strides in STAGES:
        for i in range(blocks):
            x = inverted_residual(x, expansion, divisible(filters * alpha), 1 if i else strides, number)
            number += 1
    x = Conv2D(divisible(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
    x = ReLU(6.0, name="out_relu")(normalized(x, "Conv_1_bn"))
    x = of.predictions(GlobalAveragePooling2D()(x)) if include_top else of.pooled(x)
    end = "" if include_top else "_no_top"
    return of.model(image, x, f"{tf_kernels('mobilenet_v2', 'mobilenet_v2', True)[:-3]}_{float(alpha)}_{size}{end}.h5")


def inverted_residual(x: Tensor, expansion: int, filters: int, strides: int, number: int) -> Tensor:
    """Return a wide depthwise convolution between two 1x1 convolutions, plus x if the shapes allow."""
    name = f"block_{number}" if number else "expanded_conv"
    channels = channels_of(x)
    y = x
    if number:
        y = Conv2D(expansion * channels, 1, padding="same", use_bias=False, name=f"{name}_expand")(y)
        y = ReLU(6.0, name=f"{name}_expand_relu")(normalized(y, f"{name}_expand_BN"))
    if strides > 1:
        y = ZeroPadding2D(halving_padding(y, 3), name=f"{name}_pad")(y)
    padding = "same" if strides == 1 else "valid"
    y = DepthwiseConv2D(3, strides=strides, padding=padding, use_bias=False, name=f"{name}_depthwise")(y)
    y = ReLU(6.0, name=f"{name}_depthwise_relu")(normalized(y, f"{name}_depthwise_BN"))
    y = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(y)
    y = normalized(y, f"{name}_project_BN")
    return Add(name=f"{name}_add")([x, y]) if channels == filters and strides == 1 else y


def normalized(x: Tensor, name: str) -> Tensor:
    """Return x normalized over the batch."""
    return BatchNormalization(channel_axis(), momentum=0.999, name=name)(x)


def halving_padding(x: Tensor, kernel_size: int) -> tuple[tuple[int, int], ...]:
    """Return the zeros around x with which a convolution of strides 2 gives half the size, rounded up."""
    half = kernel_size // 2
    return tuple((half - (size % 2 == 0 if known(size) else 1), half) for size in sizes_of(x))


def divisible(filters: float) -> int:
    """Return the multiple of 8 nearest to a number of filters, or the next one if that is less than 90 % of it.

    >>> divisible(32 * 0.35), divisible(19.2), divisible(88.8)
    (16, 24, 88)
    """
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest
