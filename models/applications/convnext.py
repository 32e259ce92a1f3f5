"""ConvNeXt: Liu, Mao, Wu, Feichtenhofer, Darrell, Xie, "A ConvNet for the 2020s", 2022 (arXiv:2201.03545)."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.sequential import Sequential
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.initializers import Constant
from layercli.layers import (
    Activation,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    LayerNormalization,
    Normalization,
)
from layercli.layers.validators import Number, PositiveInt
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.imagenet import DEVIATIONS, MEANS
from layercli.models.applications.layout import require_channels_last
from layercli.models.applications.signatures import USUAL, with_arguments

EPSILON = 1e-6
"""The epsilon of the layer normalizations."""


class LayerScale(Layer):
    """out = gamma * x, with a factor for each channel: Touvron et al., "Going Deeper with Image Transformers", 2021.

    Args:
        init_values: The initial factor.
        projection_dim: The number of channels.
    """

    init_values: Number
    projection_dim: PositiveInt

    def build(self, input_shape: Shape) -> None:
        """Create the factors."""
        self.gamma = self.add_weight("gamma", (self.projection_dim,), initializer=Constant(self.init_values))

    def call(self, x: Tensor) -> Tensor:
        """Return the products."""
        return x * self.gamma


ORDER = (USUAL[0], "include_preprocessing", *USUAL[1:])
"""Keras's order of the arguments."""


@with_arguments("convnext_tiny", ORDER)
def ConvNeXtTiny(of: ImageClassifier) -> Model:
    """ConvNeXt-T: 28.6 M parameters, images of 224 x 224."""
    return convnext(of, "tiny", (3, 3, 9, 3), 96)


@with_arguments("convnext_small", ORDER)
def ConvNeXtSmall(of: ImageClassifier) -> Model:
    """ConvNeXt-S: 50.2 M parameters, images of 224 x 224."""
    return convnext(of, "small", (3, 3, 27, 3), 96)


@with_arguments("convnext_base", ORDER)
def ConvNeXtBase(of: ImageClassifier) -> Model:
    """ConvNeXt-B: 88.6 M parameters, images of 224 x 224."""
    return convnext(of, "base", (3, 3, 27, 3), 128)


@with_arguments("convnext_large", ORDER)
def ConvNeXtLarge(of: ImageClassifier) -> Model:
    """ConvNeXt-L: 197.8 M parameters, images of 224 x 224."""
    return convnext(of, "large", (3, 3, 27, 3), 192)


@with_arguments("convnext_xlarge", ORDER)
def ConvNeXtXLarge(of: ImageClassifier) -> Model:
    """ConvNeXt-XL: 350.2 M parameters, images of 224 x 224."""
    return convnext(of, "xlarge", (3, 3, 27, 3), 256)


def convnext(of: ImageClassifier, size: str, depths: tuple[int, ...], width: int) -> Model:
    """Return the network with these numbers of blocks in its stages; the first has ``width`` channels, each next twice as many."""
    require_channels_last(of.name)
    image = of.image(224)
    x = preprocessed(image, of.name) if of.include_preprocessing else image
    x = features(x, depths, width, of.name)
    end = "" if of.include_top else "_notop"
    return of.model(image, head(of, x), f"convnext/convnext_{size}{end}.h5")


def preprocessed(image: Tensor, name: str) -> Tensor:
    """Return an image with values from 0 to 255, normalized by ImageNet's means and variances if it has three channels."""
    if image.shape[-1] != 3:
        return image
    means = [255 * mean for mean in MEANS]
    variances = [(255 * deviation) ** 2 for deviation in DEVIATIONS]
    return Normalization(mean=means, variance=variances, name=f"{name}_prestem_normalization")(image)


def features(x: Tensor, depths: tuple[int, ...], width: int, name: str) -> Tensor:
    """Return the last feature map."""
    for stage, blocks in enumerate(depths):
        x = downsampling(stage, width * 2**stage, name)(x)
        for i in range(blocks):
            x = block(x, f"{name}_stage_{stage}_block_{i}")
    return x


def downsampling(stage: int, filters: int, name: str) -> Sequential:
    """Return what precedes a stage: a convolution of patches, and a normalization after it (stage 0) or before it."""
    size = 2 if stage else 4
    convolution, normalization, whole = (
        (f"{name}_downsampling_conv_{stage - 1}", f"{name}_downsampling_layernorm_{stage - 1}",
         f"{name}_downsampling_block_{stage - 1}")
        if stage
        else (f"{name}_stem_conv", f"{name}_stem_layernorm", f"{name}_stem")
    )  # fmt: skip
    steps = [
        Conv2D(filters, size, strides=size, name=convolution),
        LayerNormalization(epsilon=EPSILON, name=normalization),
    ]
    return Sequential(steps[::-1] if stage else steps, name=whole)


def block(x: Tensor, name: str) -> Tensor:
    """Return x plus a depthwise 7x7 convolution of it followed by two Dense layers on each position."""
    channels = x.shape[-1]
    y = Conv2D(channels, 7, padding="same", groups=channels, name=f"{name}_depthwise_conv")(x)
    y = LayerNormalization(epsilon=EPSILON, name=f"{name}_layernorm")(y)
    y = Dense(4 * channels, name=f"{name}_pointwise_conv_1")(y)
    y = Activation("gelu", name=f"{name}_gelu")(y)
    y = Dense(channels, name=f"{name}_pointwise_conv_2")(y)
    y = LayerScale(1e-6, channels, name=f"{name}_layer_scale")(y)
    return x + Activation("linear", name=f"{name}_identity")(y)


def head(of: ImageClassifier, x: Tensor) -> Tensor:
    """Return the classifier's output, or what ``pooling`` asks for."""
    if not of.include_top:
        return LayerNormalization(epsilon=EPSILON)(of.pooled(x))
    x = GlobalAveragePooling2D(name=f"{of.name}_head_gap")(x)
    x = LayerNormalization(epsilon=EPSILON, name=f"{of.name}_head_layernorm")(x)
    return of.predictions(x, name=f"{of.name}_head_dense")
