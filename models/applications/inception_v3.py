"""Inception v3: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for Computer Vision", 2015.

The paper is arXiv:1512.00567. A branch is written as a sequence of convolutions, each of them (filters, kernel size).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.layers import Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.layout import channel_axis
from layercli.models.applications.pretrained_weights import tf_kernels
from layercli.models.applications.signatures import standard

Branch = tuple[tuple[int, Any], ...]


@standard("inception_v3")
def InceptionV3(of: ImageClassifier) -> Model:
    """Inception v3: 23.9 M parameters, images of 299 x 299."""
    image = of.image(299, smallest=75)
    x = stem(image)
    for i, pooled in enumerate((32, 64, 64)):
        x = block(x, [((64, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3))], pooled, f"mixed{i}")
    x = reduction(x, [((384, 3),), ((64, 1), (96, 3), (96, 3))], "mixed3")
    for i, width in enumerate((128, 160, 160, 192), 4):
        x = block(x, [((192, 1),), row_column(width), column_row_twice(width)], 192, f"mixed{i}")
    x = reduction(x, [((192, 1), (320, 3)), ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3))], "mixed8")
    for i in range(2):
        x = widened(x, i)
    return of.model(image, of.head(x), tf_kernels("inception_v3", "inception_v3", of.include_top))


def stem(image: Tensor) -> Tensor:
    """Return the first five convolutions and two maximum poolings."""
    x = conv(image, 32, 3, strides=2, padding="valid")
    x = conv(x, 32, 3, padding="valid")
    x = MaxPooling2D(3, strides=2)(conv(x, 64, 3))
    x = conv(x, 80, 1, padding="valid")
    x = conv(x, 192, 3, padding="valid")
    return MaxPooling2D(3, strides=2)(x)


def row_column(width: int) -> Branch:
    """Return the branch of a 7x7 convolution in two factors."""
    return (width, 1), (width, (1, 7)), (192, (7, 1))


def column_row_twice(width: int) -> Branch:
    """Return the branch of two 7x7 convolutions in two factors each."""
    return (width, 1), (width, (7, 1)), (width, (1, 7)), (width, (7, 1)), (192, (1, 7))


def block(x: Tensor, branches: Sequence[Branch], pooled: int, name: str) -> Tensor:
    """Return the channels of all branches, and of a 1x1 convolution with ``pooled`` filters of the local means."""
    outputs = [along(x, branch) for branch in branches]
    return Concatenate(channel_axis(), name=name)([*outputs, pooled_branch(x, pooled)])


def reduction(x: Tensor, branches: Sequence[Branch], name: str) -> Tensor:
    """Return the channels of all branches and of a maximum pooling at half the size."""
    outputs = []
    for branch in branches:
        filters, size = branch[-1]
        outputs.append(conv(along(x, branch[:-1]), filters, size, strides=2, padding="valid"))
    return Concatenate(channel_axis(), name=name)([*outputs, MaxPooling2D(3, strides=2)(x)])


def widened(x: Tensor, index: int) -> Tensor:
    """Return one of the last two blocks, in which two branches end in a row and a column side by side."""
    narrow = conv(x, 320, 1)
    single = Concatenate(channel_axis(), name=f"mixed9_{index}")(row_and_column(conv(x, 384, 1)))
    double = Concatenate(channel_axis())(row_and_column(along(x, ((448, 1), (384, 3)))))
    return Concatenate(channel_axis(), name=f"mixed{9 + index}")([narrow, single, double, pooled_branch(x, 192)])


def row_and_column(x: Tensor) -> list[Tensor]:
    """Return a 1x3 and a 3x1 convolution of x."""
    return [conv(x, 384, (1, 3)), conv(x, 384, (3, 1))]


def pooled_branch(x: Tensor, filters: int) -> Tensor:
    """Return a 1x1 convolution of the means of 3x3 positions."""
    return conv(AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def along(x: Tensor, branch: Branch) -> Tensor:
    """Return the convolutions of a branch, one after the other."""
    for filters, size in branch:
        x = conv(x, filters, size)
    return x


def conv(x: Tensor, filters: int, size: object, strides: int = 1, padding: str = "same") -> Tensor:
    """Return relu(bn(convolution of x)); the normalization has no scale."""
    x = Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)(x)
    return Activation("relu")(BatchNormalization(channel_axis(), scale=False)(x))
