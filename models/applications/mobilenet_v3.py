"""MobileNetV3: Howard et al., "Searching for MobileNetV3", 2019 (arXiv:1905.02244)."""

from __future__ import annotations

from typing import Any

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import channels_of
from layercli.models.applications.mobilenet_v2 import divisible, halving_padding, normalized
from layercli.models.applications.signatures import with_arguments


@dataclass(frozen=True)
class InvertedResidual:
    """A row of the paper's tables 1 and 2: the width is ``expansion`` times the input's, ``se`` is squeeze-and-excitation."""

    expansion: float
    filters: int
    kernel_size: int
    strides: int
    se: bool
    hard_swish: bool


LARGE = (
    InvertedResidual(1, 16, 3, 1, False, False),
    InvertedResidual(4, 24, 3, 2, False, False),
    InvertedResidual(3, 24, 3, 1, False, False),
    InvertedResidual(3, 40, 5, 2, True, False),
    *(InvertedResidual(3, 40, 5, 1, True, False),) * 2,
    InvertedResidual(6, 80, 3, 2, False, True),
    InvertedResidual(2.5, 80, 3, 1, False, True),
    *(InvertedResidual(2.3, 80, 3, 1, False, True),) * 2,
    *(InvertedResidual(6, 112, 3, 1, True, True),) * 2,
    InvertedResidual(6, 160, 5, 2, True, True),
    *(InvertedResidual(6, 160, 5, 1, True, True),) * 2,
)
SMALL = (
    InvertedResidual(1, 16, 3, 2, True, False),
    InvertedResidual(72 / 16, 24, 3, 2, False, False),
    InvertedResidual(88 / 24, 24, 3, 1, False, False),
    InvertedResidual(4, 40, 5, 2, True, True),
    *(InvertedResidual(6, 40, 5, 1, True, True),) * 2,
    *(InvertedResidual(3, 48, 5, 1, True, True),) * 2,
    InvertedResidual(6, 96, 5, 2, True, True),
    *(InvertedResidual(6, 96, 5, 1, True, True),) * 2,
)


ORDER = ("input_shape", "alpha", "minimalistic", "include_top", "weights", "input_tensor", "classes", "pooling", "dropout_rate",
    "classifier_activation", "include_preprocessing", "name")  # fmt: skip
"""Keras's order of the arguments."""


@with_arguments("MobileNetV3Large", ORDER, alpha=1.0, minimalistic=False, dropout_rate=0.2)
def MobileNetV3Large(of: ImageClassifier, **own: Any) -> Model:
    """MobileNetV3 Large: 5.5 M parameters, images of 224 x 224.

    ``alpha`` scales the filters.
    A ``minimalistic`` network has no hard-swish, no squeeze-and-excitation and no 5x5 kernels. ``dropout_rate`` is that before
    the classifier; ``include_preprocessing`` scales values from 0 to 255 to -1 to 1.
    """
    return mobilenet_v3(of, "large", LARGE, 1280, **own)


@with_arguments("MobileNetV3Small", ORDER, alpha=1.0, minimalistic=False, dropout_rate=0.2)
def MobileNetV3Small(of: ImageClassifier, **own: Any) -> Model:
    """MobileNetV3 Small: 2.6 M parameters, images of 224 x 224.

    ``alpha`` scales the filters.
    A ``minimalistic`` network has no hard-swish, no squeeze-and-excitation and no 5x5 kernels. ``dropout_rate`` is that before
    the classifier; ``include_preprocessing`` scales values from 0 to 255 to -1 to 1.
    """
    return mobilenet_v3(of, "small", SMALL, 1024, **own)


def mobilenet_v3(
    of: ImageClassifier,
    size: str,
    blocks: tuple[InvertedResidual, ...],
    last: int,
    alpha: float,
    minimalistic: bool,
    dropout_rate: float,
) -> Model:
    """Return the network of ``blocks`` whose classifier gets ``last`` features."""
    of.require("alpha", alpha, (1.0,) if minimalistic else (0.75, 1.0))
    image = of.image(None)
    x = Rescaling(1 / 127.5, -1.0)(image) if of.include_preprocessing else image
    x = features(x, blocks, alpha, minimalistic)
    if of.include_top:
        x = head(of, x, divisible(last * max(alpha, 1.0)), dropout_rate, hard_swish=not minimalistic)
    else:
        x = of.pooled(x, named=True)
    kind = f"{size}{'_minimalistic' if minimalistic else ''}_224_{alpha}_float"
    end = "" if of.include_top else "_no_top_v2"
    return of.model(image, x, f"mobilenet_v3/weights_mobilenet_v3_{kind}{end}.h5")


def features(x: Tensor, blocks: tuple[InvertedResidual, ...], alpha: float, minimalistic: bool) -> Tensor:
    """Return the last feature map."""
    x = Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = activated(normalized(x, "conv_bn"), not minimalistic)
    for number, block in enumerate(blocks):
        if minimalistic:
            block = InvertedResidual(block.expansion, block.filters, 3, block.strides, False, False)
        x = inverted_residual(x, block, divisible(block.filters * alpha), number)
    x = Conv2D(divisible(6 * channels_of(x)), 1, padding="same", use_bias=False, name="conv_1")(x)
    return activated(normalized(x, "conv_1_bn"), not minimalistic)


def inverted_residual(x: Tensor, block: InvertedResidual, filters: int, number: int) -> Tensor:
    """Return a wide depthwise convolution between two 1x1 convolutions, plus x if the shapes allow."""
    name = f"expanded_conv_{number}" if number else "expanded_conv"
    channels = channels_of(x)
    width = divisible(channels * block.expansion)
    y = x
    if number:
        y = Conv2D(width, 1, padding="same", use_bias=False, name=f"{name}_expand")(y)
        y = activated(normalized(y, f"{name}_expand_bn"), block.hard_swish)
    if block.strides > 1:
        y = ZeroPadding2D(halving_padding(y, block.kernel_size), name=f"{name}_depthwise_pad")(y)
    padding = "same" if block.strides == 1 else "valid"
    y = DepthwiseConv2D(
        block.kernel_size, strides=block.strides, padding=padding, use_bias=False, name=f"{name}_depthwise"
    )(y)
    y = activated(normalized(y, f"{name}_depthwise_bn"), block.hard_swish)
    if block.se:
        y = squeeze_excite(y, width, f"{name}_squeeze_excite")
    y = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(y)
    y = normalized(y, f"{name}_project_bn")
    return Add(name=f"{name}_add")([x, y]) if channels == filters and block.strides == 1 else y


def squeeze_excite(x: Tensor, width: int, name: str) -> Tensor:
    """Return x with each channel multiplied by a factor from 0 to 1, which two layers compute from the means of all channels."""
    y = GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    y = Conv2D(divisible(width / 4), 1, padding="same", name=f"{name}_conv")(y)
    y = ReLU(name=f"{name}_relu")(y)
    y = Conv2D(width, 1, padding="same", name=f"{name}_conv_1")(y)
    hard_sigmoid = ReLU(6.0)(y + 3.0) * (1 / 6)
    return Multiply(name=f"{name}_mul")([x, hard_sigmoid])


def activated(x: Tensor, hard_swish: bool) -> Tensor:
    """Return hard_swish(x) or relu(x)."""
    return (Activation("hard_swish") if hard_swish else ReLU())(x)


def head(of: ImageClassifier, x: Tensor, width: int, dropout_rate: float, hard_swish: bool) -> Tensor:
    """Return the classifier's output, of two 1x1 convolutions."""
    x = GlobalAveragePooling2D(keepdims=True)(x)
    x = activated(Conv2D(width, 1, padding="same", name="conv_2")(x), hard_swish)
    if dropout_rate > 0:
        x = Dropout(dropout_rate)(x)
    x = Flatten()(Conv2D(of.classes, 1, padding="same", name="logits")(x))
    return Activation(of.classifier_activation, name="predictions")(x)
