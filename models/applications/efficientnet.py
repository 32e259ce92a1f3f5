"""EfficientNet: Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019 (arXiv:1905.11946)."""

from __future__ import annotations

import math

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.initializers import VarianceScaling
from layercli.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.imagenet import DEVIATIONS
from layercli.models.applications.layout import channel_axis, channels_first, channels_of
from layercli.models.applications.mobilenet_v2 import divisible, halving_padding
from layercli.models.applications.signatures import standard

KERNELS = VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")
"""The initial kernels of convolutions."""
CLASSIFIER = VarianceScaling(1 / 3, mode="fan_out", distribution="uniform")
"""The initial kernel of the classifier."""
PUBLISHED = "https://storage.googleapis.com/keras-applications/"
"""Where the ImageNet weights are, apart from those of the other networks."""
DROP_CONNECT = 0.2
"""The rate at which the last block is left out in training; it grows from 0 with the blocks' numbers."""


@dataclass(frozen=True)
class Stage:
    """A row of the paper's table 1, for EfficientNet-B0."""

    kernel_size: int
    blocks: int
    filters: int
    expansion: int
    strides: int


STAGES = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 2, 24, 6, 2),
    Stage(5, 2, 40, 6, 2),
    Stage(3, 3, 80, 6, 2),
    Stage(5, 3, 112, 6, 1),
    Stage(5, 4, 192, 6, 2),
    Stage(3, 1, 320, 6, 1),
)


@standard("efficientnetb0")
def EfficientNetB0(of: ImageClassifier) -> Model:
    """EfficientNet-B0: 5.3 M parameters, images of 224 x 224."""
    return efficientnet(of, "b0", 224, 1.0, 1.0, 0.2)


@standard("efficientnetb1")
def EfficientNetB1(of: ImageClassifier) -> Model:
    """EfficientNet-B1: 7.9 M parameters, images of 240 x 240."""
    return efficientnet(of, "b1", 240, 1.0, 1.1, 0.2)


@standard("efficientnetb2")
def EfficientNetB2(of: ImageClassifier) -> Model:
    """EfficientNet-B2: 9.2 M parameters, images of 260 x 260."""
    return efficientnet(of, "b2", 260, 1.1, 1.2, 0.3)


@standard("efficientnetb3")
def EfficientNetB3(of: ImageClassifier) -> Model:
    """EfficientNet-B3: 12.3 M parameters, images of 300 x 300."""
    return efficientnet(of, "b3", 300, 1.2, 1.4, 0.3)


@standard("efficientnetb4")
def EfficientNetB4(of: ImageClassifier) -> Model:
    """EfficientNet-B4: 19.5 M parameters, images of 380 x 380."""
    return efficientnet(of, "b4", 380, 1.4, 1.8, 0.4)


@standard("efficientnetb5")
def EfficientNetB5(of: ImageClassifier) -> Model:
    """EfficientNet-B5: 30.6 M parameters, images of 456 x 456."""
    return efficientnet(of, "b5", 456, 1.6, 2.2, 0.4)


@standard("efficientnetb6")
def EfficientNetB6(of: ImageClassifier) -> Model:
    """EfficientNet-B6: 43.3 M parameters, images of 528 x 528."""
    return efficientnet(of, "b6", 528, 1.8, 2.6, 0.5)


@standard("efficientnetb7")
def EfficientNetB7(of: ImageClassifier) -> Model:
    """EfficientNet-B7: 66.7 M parameters, images of 600 x 600."""
    return efficientnet(of, "b7", 600, 2.0, 3.1, 0.5)


def efficientnet(of: ImageClassifier, variant: str, size: int, width: float, depth: float, dropout: float) -> Model:
    """Return the network for images of ``size``: ``width`` scales the filters, ``depth`` the blocks of a stage."""
    image = of.image(size)
    x = Normalization(channel_axis())(Rescaling(1 / 255)(image))
    if of.weights == "imagenet":
        x = Rescaling([1 / math.sqrt(deviation) for deviation in DEVIATIONS])(
            x
        )  # as the published weights were trained
    x = ZeroPadding2D(halving_padding(x, 3), name="stem_conv_pad")(x)
    x = convolution(x, divisible(32 * width), 3, "stem_conv", strides=2, padding="valid")
    x = silu(BatchNormalization(channel_axis(), name="stem_bn")(x), "stem_activation")
    counts = [math.ceil(stage.blocks * depth) for stage in STAGES]
    number = 0
    for i, (stage, count) in enumerate(zip(STAGES, counts, strict=True), 1):
        for j in range(count):
            name, drop = f"block{i}{chr(97 + j)}_", DROP_CONNECT * number / sum(counts)
            x = block(x, stage, divisible(stage.filters * width), name, 1 if j else stage.strides, drop)
            number += 1
    x = convolution(x, divisible(1280 * width), 1, "top_conv")
    x = silu(BatchNormalization(channel_axis(), name="top_bn")(x), "top_activation")
    end = "" if of.include_top else "_notop"
    return of.model(image, head(of, x, dropout), f"{PUBLISHED}efficientnet{variant}{end}.h5")


def block(x: Tensor, stage: Stage, filters: int, name: str, strides: int, drop: float) -> Tensor:
    """Return a wide depthwise convolution with squeeze-and-excitation between 1x1 convolutions, plus x if the shapes allow."""
    channels = channels_of(x)
    y = x
    if stage.expansion > 1:
        y = convolution(y, stage.expansion * channels, 1, f"{name}expand_conv")
        y = silu(BatchNormalization(channel_axis(), name=f"{name}expand_bn")(y), f"{name}expand_activation")
    if strides > 1:
        y = ZeroPadding2D(halving_padding(y, stage.kernel_size), name=f"{name}dwconv_pad")(y)
    y = DepthwiseConv2D(
        stage.kernel_size,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        use_bias=False,
        depthwise_initializer=KERNELS,
        name=f"{name}dwconv",
    )(y)
    y = silu(BatchNormalization(channel_axis(), name=f"{name}bn")(y), f"{name}activation")
    y = squeeze_excite(y, max(1, channels // 4), name)
    y = BatchNormalization(channel_axis(), name=f"{name}project_bn")(convolution(y, filters, 1, f"{name}project_conv"))
    return residual(x, y, drop, name) if strides == 1 and channels == filters else y


def residual(x: Tensor, y: Tensor, drop: float, name: str) -> Tensor:
    """Return x + y, in training without y for a share ``drop`` of the images."""
    if drop:
        y = Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(y)
    return Add(name=f"{name}add")([y, x])


def squeeze_excite(x: Tensor, width: int, name: str) -> Tensor:
    """Return x with each channel multiplied by a factor from 0 to 1, which two layers compute from the means of all channels."""
    channels = channels_of(x)
    y = GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    y = Reshape((channels, 1, 1) if channels_first() else (1, 1, channels), name=f"{name}se_reshape")(y)
    for filters, activation, step in ((width, "silu", "reduce"), (channels, "sigmoid", "expand")):
        y = Conv2D(
            filters, 1, padding="same", activation=activation, kernel_initializer=KERNELS, name=f"{name}se_{step}"
        )(y)
    return Multiply(name=f"{name}se_excite")([x, y])


def convolution(x: Tensor, filters: int, size: int, name: str, strides: int = 1, padding: str = "same") -> Tensor:
    """Return a convolution of x without a bias."""
    return Conv2D(
        filters, size, strides=strides, padding=padding, use_bias=False, kernel_initializer=KERNELS, name=name
    )(x)


def silu(x: Tensor, name: str) -> Tensor:
    """Return x * sigmoid(x), by a layer of that name."""
    return Activation("silu", name=name)(x)


def head(of: ImageClassifier, x: Tensor, dropout: float) -> Tensor:
    """Return the classifier's output, or what ``pooling`` asks for."""
    if not of.include_top:
        return of.pooled(x, named=True)
    x = Dropout(dropout, name="top_dropout")(GlobalAveragePooling2D(name="avg_pool")(x))
    return of.predictions(x, kernel_initializer=CLASSIFIER)
