"""EfficientNetV2: Tan, Le, "EfficientNetV2: Smaller Models and Faster Training", 2021 (arXiv:2104.00298)."""

from __future__ import annotations

import math

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers import BatchNormalization, DepthwiseConv2D, Normalization, Rescaling
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.efficientnet import (
    DROP_CONNECT,
    KERNELS,
    convolution,
    head,
    residual,
    silu,
    squeeze_excite,
)
from layercli.models.applications.imagenet import DEVIATIONS, MEANS
from layercli.models.applications.layout import channel_axis, channels_of
from layercli.models.applications.signatures import USUAL, with_arguments


@dataclass(frozen=True)
class BlockKind:
    """A kind of block: a ``fused`` one has a 3x3 convolution where others have a 1x1 and a depthwise one with squeezing."""

    fused: bool
    expansion: int
    strides: int


BLOCKS = (
    BlockKind(True, 1, 1),
    BlockKind(True, 4, 2),
    BlockKind(True, 4, 2),
    BlockKind(False, 4, 2),
    BlockKind(False, 6, 1),
    BlockKind(False, 6, 2),
    BlockKind(False, 6, 1),
)
"""The kind of block of each stage; in all but the first block of a stage the strides are 1."""

Stages = tuple[tuple[int, int], ...]
BASE: Stages = ((16, 1), (32, 2), (48, 2), (96, 3), (112, 5), (192, 8))
"""The filters and the number of blocks of each stage, for B0."""
SMALL: Stages = ((24, 2), (48, 4), (64, 4), (128, 6), (160, 9), (256, 15))
MEDIUM: Stages = ((24, 3), (48, 5), (80, 5), (160, 7), (176, 14), (304, 18), (512, 5))
LARGE: Stages = ((32, 4), (64, 7), (96, 7), (192, 10), (224, 19), (384, 25), (640, 7))


ORDER = (*USUAL[:-1], "include_preprocessing", "name")
"""Keras's order of the arguments."""


@with_arguments("efficientnetv2-b0", ORDER)
def EfficientNetV2B0(of: ImageClassifier) -> Model:
    """EfficientNetV2-B0: 7.2 M parameters, images of 224 x 224."""
    return efficientnet_v2(of, "b0", 224, BASE, 32)


@with_arguments("efficientnetv2-b1", ORDER)
def EfficientNetV2B1(of: ImageClassifier) -> Model:
    """EfficientNetV2-B1: 8.2 M parameters, images of 240 x 240."""
    return efficientnet_v2(of, "b1", 240, BASE, 32, 1.0, 1.1)


@with_arguments("efficientnetv2-b2", ORDER)
def EfficientNetV2B2(of: ImageClassifier) -> Model:
    """EfficientNetV2-B2: 10.2 M parameters, images of 260 x 260."""
    return efficientnet_v2(of, "b2", 260, BASE, 32, 1.1, 1.2)


@with_arguments("efficientnetv2-b3", ORDER)
def EfficientNetV2B3(of: ImageClassifier) -> Model:
    """EfficientNetV2-B3: 14.5 M parameters, images of 300 x 300."""
    return efficientnet_v2(of, "b3", 300, BASE, 32, 1.2, 1.4)


@with_arguments("efficientnetv2-s", ORDER)
def EfficientNetV2S(of: ImageClassifier) -> Model:
    """EfficientNetV2-S: 21.6 M parameters, images of 384 x 384."""
    return efficientnet_v2(of, "s", 384, SMALL, 24)


@with_arguments("efficientnetv2-m", ORDER)
def EfficientNetV2M(of: ImageClassifier) -> Model:
    """EfficientNetV2-M: 54.4 M parameters, images of 480 x 480."""
    return efficientnet_v2(of, "m", 480, MEDIUM, 24)


@with_arguments("efficientnetv2-l", ORDER)
def EfficientNetV2L(of: ImageClassifier) -> Model:
    """EfficientNetV2-L: 119.0 M parameters, images of 480 x 480."""
    return efficientnet_v2(of, "l", 480, LARGE, 32)


def efficientnet_v2(
    of: ImageClassifier, variant: str, size: int, stages: Stages, stem: int, width: float = 1.0, depth: float = 1.0
) -> Model:
    """Return the network for images of ``size``: ``width`` scales the filters, ``depth`` the blocks of a stage."""
    image = of.image(size)
    x = preprocessed(image, variant) if of.include_preprocessing else image
    x = features(x, stages, stem, width, depth)
    end = "" if of.include_top else "_notop"
    return of.model(image, head(of, x, 0.2), f"efficientnet_v2/efficientnetv2-{variant}{end}.h5")


def preprocessed(image: Tensor, variant: str) -> Tensor:
    """Return an image with values from 0 to 255 as the network of that variant wants it."""
    if not variant.startswith("b") or channels_of(image) != 3:
        return Rescaling(1 / 128, -1)(image)
    variances = [deviation**2 for deviation in DEVIATIONS]
    return Normalization(channel_axis(), mean=list(MEANS), variance=variances)(Rescaling(1 / 255)(image))


def features(x: Tensor, stages: Stages, stem: int, width: float, depth: float) -> Tensor:
    """Return the last feature map."""
    x = convolution(x, scaled(stem, width), 3, "stem_conv", strides=2)
    x = silu(normalized(x, "stem_bn"), "stem_activation")
    total, number = sum(blocks for _, blocks in stages), 0
    for i, (filters, blocks) in enumerate(stages):
        kind = BLOCKS[i]
        for j in range(math.ceil(blocks * depth)):
            name = f"block{i + 1}{chr(97 + j)}_"
            x = block(x, kind, scaled(filters, width), name, 1 if j else kind.strides, DROP_CONNECT * number / total)
            number += 1
    x = convolution(x, scaled(1280, width), 1, "top_conv")
    return silu(normalized(x, "top_bn"), "top_activation")


def scaled(filters: int, width: float) -> int:
    """Return the multiple of 8 nearest to the number of filters of a wider network."""
    return max(8, int(filters * width + 4) // 8 * 8)


def block(x: Tensor, kind: BlockKind, filters: int, name: str, strides: int, drop: float) -> Tensor:
    """Return what a block computes of x, plus x if the shapes allow."""
    channels = channels_of(x)
    y = fused(x, kind, filters, name, strides) if kind.fused else depthwise(x, kind, name, strides)
    if not kind.fused or kind.expansion > 1:
        y = normalized(convolution(y, filters, 1, f"{name}project_conv"), f"{name}project_bn")
    return residual(x, y, drop, name) if strides == 1 and channels == filters else y


def fused(x: Tensor, kind: BlockKind, filters: int, name: str, strides: int) -> Tensor:
    """Return a wide 3x3 convolution of x, or one of ``filters`` where the block does not expand."""
    step = "expand" if kind.expansion > 1 else "project"
    wide = kind.expansion * channels_of(x) if kind.expansion > 1 else filters
    x = convolution(x, wide, 3, f"{name}{step}_conv", strides=strides)
    return silu(normalized(x, f"{name}{step}_bn"), f"{name}{step}_activation")


def depthwise(x: Tensor, kind: BlockKind, name: str, strides: int) -> Tensor:
    """Return a wide depthwise convolution of x with squeeze-and-excitation."""
    channels = channels_of(x)
    x = convolution(x, kind.expansion * channels, 1, f"{name}expand_conv")
    x = silu(normalized(x, f"{name}expand_bn"), f"{name}expand_activation")
    x = DepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, depthwise_initializer=KERNELS, name=f"{name}dwconv2"
    )(x)
    x = silu(normalized(x, f"{name}bn"), f"{name}activation")
    return squeeze_excite(x, max(1, channels // 4), name)


def normalized(x: Tensor, name: str) -> Tensor:
    """Return x normalized over the batch."""
    return BatchNormalization(channel_axis(), momentum=0.9, name=name)(x)
