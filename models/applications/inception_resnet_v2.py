"""Inception-ResNet v2: Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual Connections".

The paper is of 2016 (arXiv:1602.07261).
"""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.types import Tensor
from layercli.layers import BatchNormalization, Concatenate, Conv2D
from layercli.layers.validators import Number
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.inception_v3 import Branch, along, block, reduction, stem
from layercli.models.applications.layout import channel_axis, channels_of
from layercli.models.applications.pretrained_weights import tf_kernels
from layercli.models.applications.resnet import relu
from layercli.models.applications.signatures import standard

RESIDUALS: tuple[tuple[str, int, float, tuple[Branch, ...]], ...] = (
    ("block35", 10, 0.17, (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3)))),
    ("block17", 20, 0.1, (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1))))),
    ("block8", 10, 0.2, (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1))))),
)
"""The stages: the name of their blocks, how many, the scale of the residual, and its branches."""

REDUCTIONS: tuple[tuple[str, tuple[Branch, ...]], ...] = (
    ("mixed_6a", (((384, 3),), ((256, 1), (256, 3), (384, 3)))),
    ("mixed_7a", (((256, 1), (384, 3)), ((256, 1), (288, 3)), ((256, 1), (288, 3), (320, 3)))),
)
"""What is between two stages: the name, and the branches at half the size."""


class CustomScaleLayer(Layer):
    """out = x + scale * residual."""

    scale: Number = 1.0

    def call(self, inputs: Tensor) -> Tensor:
        """Return the sum for inputs [x, residual]."""
        x, residual = inputs
        return x + residual * self.scale


@standard("inception_resnet_v2")
def InceptionResNetV2(of: ImageClassifier) -> Model:
    """Inception-ResNet v2: 56 M parameters, images of 299 x 299."""
    image = of.image(299, smallest=75)
    x = stem(image)
    x = block(x, [((96, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3))], 64, "mixed_5b")
    for stage, (name, count, scale, branches) in enumerate(RESIDUALS):
        for i in range(1, count + 1):
            last = name == "block8" and i == count
            x = residual_block(x, 1.0 if last else scale, branches, f"{name}_{i}", activation=not last)
        if stage < len(REDUCTIONS):
            name, halved = REDUCTIONS[stage]
            x = reduction(x, halved, name)
    x = Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = relu(BatchNormalization(channel_axis(), scale=False, name="conv_7b_bn")(x), "conv_7b_ac")
    return of.model(image, of.head(x), tf_kernels("inception_resnet_v2", "inception_resnet_v2", of.include_top))


def residual_block(x: Tensor, scale: float, branches: tuple[Branch, ...], name: str, activation: bool) -> Tensor:
    """Return x plus the scaled 1x1 convolution of the channels of all branches, without negative values if ``activation``."""
    mixed = Concatenate(channel_axis(), name=f"{name}_mixed")([along(x, branch) for branch in branches])
    residual = Conv2D(channels_of(x), 1, padding="same", name=f"{name}_conv")(mixed)
    x = CustomScaleLayer(scale)([x, residual])
    return relu(x, f"{name}_ac") if activation else x
