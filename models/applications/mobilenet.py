"""MobileNet: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017.

The paper is arXiv:1704.04861.
"""

from __future__ import annotations

from layercli.core.model import Model
from layercli.core.types import ShapeLike, Tensor
from layercli.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import channel_axis
from layercli.models.applications.pretrained_weights import published_size, rows

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""The filters and the strides of each block."""
SIZES = (128, 160, 192, 224)
"""The sizes of images for which there are ImageNet weights."""
WIDTHS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
"""The values of alpha for which there are ImageNet weights, as their files spell them."""


def MobileNet(
    input_shape: ShapeLike | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
    include_top: bool = True,
    weights: object = "imagenet",
    input_tensor: object = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: object = "softmax",
    name: str | None = None,
) -> Model:
    """MobileNet: 4.3 M parameters, images of 224 x 224.

    ``alpha`` scales the filters.
    ``depth_multiplier`` is that of the depthwise convolutions, ``dropout`` the rate before the classifier.
    """
    size = published_size(input_shape, SIZES)
    of = ImageClassifier(
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation,
        name or f"mobilenet_{alpha:.2f}_{rows(input_shape, include_top)}",
    )  # fmt: skip
    of.require("alpha", alpha, WIDTHS)
    of.require("depth_multiplier", depth_multiplier, (1,))
    image = of.image(size)
    x = activated(Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(image), "conv1")
    for i, (filters, strides) in enumerate(BLOCKS, 1):
        x = block(x, int(filters * alpha), depth_multiplier, strides, i)
    end = "" if include_top else "_no_top"
    return of.model(image, head(of, x, dropout), f"mobilenet/mobilenet_{WIDTHS.get(alpha)}_{size}_tf{end}.h5")


def block(x: Tensor, filters: int, depth_multiplier: int, strides: int, number: int) -> Tensor:
    """Return a depthwise 3x3 convolution and a 1x1 convolution of x, each normalized and activated."""
    if strides > 1:
        x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = DepthwiseConv2D(
        3,
        strides=strides,
        padding="same" if strides == 1 else "valid",
        depth_multiplier=depth_multiplier,
        use_bias=False,
        name=f"conv_dw_{number}",
    )(x)
    x = activated(x, f"conv_dw_{number}")
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{number}")(x)
    return activated(x, f"conv_pw_{number}")


def activated(x: Tensor, name: str) -> Tensor:
    """Return relu6(bn(x))."""
    return ReLU(6.0, name=f"{name}_relu")(BatchNormalization(channel_axis(), name=f"{name}_bn")(x))


def head(of: ImageClassifier, x: Tensor, dropout: float) -> Tensor:
    """Return the classifier's output, of a 1x1 convolution, or what ``pooling`` asks for."""
    if not of.include_top:
        return of.pooled(x)
    x = Dropout(dropout)(GlobalAveragePooling2D(keepdims=True)(x))
    x = Conv2D(of.classes, 1, padding="same", name="conv_preds")(x)
    x = Reshape((of.classes,), name="reshape_2")(x)
    return Activation(of.classifier_activation, name="predictions")(x)
