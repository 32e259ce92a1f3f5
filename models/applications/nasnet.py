"""NASNet-A: Zoph, Vasudevan, Shlens, Le, "Learning Transferable Architectures for Scalable Image Recognition", 2017.

The paper is arXiv:1707.07012. A cell gets two feature maps: x of the cell before it, and p of the cell before that one.
"""

from __future__ import annotations

from typing import Any

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import require_channels_last
from layercli.models.applications.mobilenet_v2 import halving_padding
from layercli.models.applications.signatures import with_arguments

ORDER = ("input_shape", "include_top", "weights", "input_tensor", "pooling", "classes", "classifier_activation", "name")
"""Keras's order of the arguments."""


@with_arguments("nasnet_mobile", ORDER)
def NASNetMobile(of: ImageClassifier) -> Model:
    """NASNet-A (4 @ 1056): 5.3 M parameters, images of 224 x 224."""
    return nasnet(of, "mobile", 224, stem=32, filters=44, cells=4, skip_reduction=False)


@with_arguments("nasnet_large", ORDER)
def NASNetLarge(of: ImageClassifier) -> Model:
    """NASNet-A (6 @ 4032): 89 M parameters, images of 331 x 331."""
    return nasnet(of, "large", 331, stem=96, filters=168, cells=6, skip_reduction=True)


def nasnet(
    of: ImageClassifier, variant: str, size: int, *, stem: int, filters: int, cells: int, skip_reduction: bool
) -> Model:
    """Return the network: three times ``cells`` normal cells, with reductions between them.

    ``filters`` are those of the first cells. With ``skip_reduction`` the cell after a reduction gets the p that the reduction got.
    """
    require_channels_last(of.name)
    image = of.image(size)
    x = Conv2D(stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal", name="stem_conv1")(image)
    x = relu(features(normalized(x, "stem_bn1"), filters, cells, skip_reduction))
    x = of.predictions(GlobalAveragePooling2D()(x)) if of.include_top else of.pooled(x)
    end = "" if of.include_top else "-no-top"
    local = f"nasnet_{variant}{end.replace('-', '_')}.h5"
    return of.model(image, x, f"nasnet/NASNet-{variant}{end}.h5", local)


def features(x: Tensor, filters: int, cells: int, skip_reduction: bool) -> Tensor:
    """Return the last feature map."""
    p, x = x, reduction_cell(x, x, filters // 4, "stem_1")
    p, x = x, reduction_cell(x, half(p, filters // 2, "stem_2"), filters // 2, "stem_2")
    for stage in range(3):
        width = filters * 2**stage
        if stage:
            name = f"reduce_{stage * cells}"
            before, x = x, reduction_cell(x, projected(p, width, name), width, name)
            p = p if skip_reduction else before
        for i in range(cells):
            name = str(stage * cells + min(stage, 1) + i)
            adjusted = projected(p, width, name) if i else half(p, width, name)
            p, x = x, normal_cell(x, adjusted, width, name)
    return x


def normal_cell(x: Tensor, p: Tensor, filters: int, name: str) -> Tensor:
    """Return five sums of two branches, and p, as channels."""
    h = squeezed(x, filters, "normal", name)
    one = add(
        "normal_add_1",
        name,
        separable(h, filters, 5, f"normal_left1_{name}"),
        separable(p, filters, 3, f"normal_right1_{name}"),
    )
    two = add(
        "normal_add_2",
        name,
        separable(p, filters, 5, f"normal_left2_{name}"),
        separable(p, filters, 3, f"normal_right2_{name}"),
    )
    three = add("normal_add_3", name, mean(h, f"normal_left3_{name}"), p)
    four = add("normal_add_4", name, mean(p, f"normal_left4_{name}"), mean(p, f"normal_right4_{name}"))
    five = add("normal_add_5", name, separable(h, filters, 3, f"normal_left5_{name}"), h)
    return Concatenate(name=f"normal_concat_{name}")([p, one, two, three, four, five])


def reduction_cell(x: Tensor, p: Tensor, filters: int, name: str) -> Tensor:
    """Return sums of two branches at half the size as channels."""
    h = squeezed(x, filters, "reduction", name)
    padded = ZeroPadding2D(halving_padding(h, 3), name=f"reduction_pad_1_{name}")(h)
    one = add(
        "reduction_add_1", name,
        separable(h, filters, 5, f"reduction_left1_{name}", 2), separable(p, filters, 7, f"reduction_right1_{name}", 2),
    )  # fmt: skip
    two = add(
        "reduction_add_2", name,
        MaxPooling2D(3, strides=2, name=f"reduction_left2_{name}")(padded),
        separable(p, filters, 7, f"reduction_right2_{name}", 2),
    )  # fmt: skip
    three = add(
        "reduction_add3", name,
        AveragePooling2D(3, strides=2, name=f"reduction_left3_{name}")(padded),
        separable(p, filters, 5, f"reduction_right3_{name}", 2),
    )  # fmt: skip
    four = Add()([two, mean(one, f"reduction_left4_{name}")])
    five = add(
        "reduction_add4", name,
        separable(one, filters, 3, f"reduction_left4_{name}"),
        MaxPooling2D(3, strides=2, name=f"reduction_right5_{name}")(padded),
    )  # fmt: skip
    return Concatenate(name=f"reduction_concat_{name}")([two, three, four, five])


def squeezed(x: Tensor, filters: int, kind: str, name: str) -> Tensor:
    """Return a 1x1 convolution of relu(x), normalized over the batch."""
    x = pointwise(relu(x), filters, f"{kind}_conv_1_{name}")
    return normalized(x, f"{kind}_bn_1_{name}")


def separable(x: Tensor, filters: int, size: int, name: str, strides: int = 1) -> Tensor:
    """Return two separable convolutions, each of relu of what it gets and normalized; the first has the strides."""
    x = relu(x)
    if strides > 1:
        x = ZeroPadding2D(halving_padding(x, size), name=f"separable_conv_1_pad_{name}")(x)
    padding = "same" if strides == 1 else "valid"
    for i in (1, 2):
        x = SeparableConv2D(
            filters,
            size,
            strides=strides if i == 1 else 1,
            padding=padding if i == 1 else "same",
            use_bias=False,
            name=f"separable_conv_{i}_{name}",
        )(x if i == 1 else relu(x))
        x = normalized(x, f"separable_conv_{i}_bn_{name}")
    return x


def projected(p: Any, filters: int, name: str) -> Tensor:
    """Return p with another number of channels, or p itself if it has as many."""
    if p.shape[-1] == filters:
        return p
    return normalized(pointwise(relu(p), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")


def half(p: Tensor, filters: int, name: str) -> Tensor:
    """Return p at half the size: the even positions and the odd ones give half of the channels each."""
    p = Activation("relu", name=f"adjust_relu_1_{name}")(p)
    even = AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_1_{name}")(p)
    even = pointwise(even, filters // 2, f"adjust_conv_1_{name}")
    odd = Cropping2D(((1, 0), (1, 0)))(ZeroPadding2D(((0, 1), (0, 1)))(p))
    odd = AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_2_{name}")(odd)
    odd = pointwise(odd, filters // 2, f"adjust_conv_2_{name}")
    return normalized(Concatenate()([even, odd]), f"adjust_bn_{name}")


def add(kind: str, name: str, left: Tensor, right: Tensor) -> Tensor:
    """Return the sum of two branches."""
    return Add(name=f"{kind}_{name}")([left, right])


def mean(x: Tensor, name: str) -> Tensor:
    """Return the means of 3x3 positions."""
    return AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def pointwise(x: Tensor, filters: int, name: str) -> Tensor:
    """Return a 1x1 convolution."""
    return Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(x)


def normalized(x: Tensor, name: str) -> Tensor:
    """Return x normalized over the batch."""
    return BatchNormalization(momentum=0.9997, name=name)(x)


def relu(x: Tensor) -> Tensor:
    """Return the positive part of x."""
    return Activation("relu")(x)
