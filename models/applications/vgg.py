"""VGG: Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014 (arXiv:1409.1556)."""

from __future__ import annotations

from layercli.core.model import Model
from layercli.layers import Conv2D, Dense, Flatten, MaxPooling2D
from layercli.models.applications.classifier import ImageClassifier
from layercli.models.applications.pretrained_weights import tf_kernels
from layercli.models.applications.signatures import standard

FILTERS = (64, 128, 256, 512, 512)
"""The filters of the convolutions in each block."""


@standard("vgg16")
def VGG16(of: ImageClassifier) -> Model:
    """VGG16: 138.4 M parameters, images of 224 x 224."""
    return vgg(of, "vgg16", (2, 2, 3, 3, 3))


@standard("vgg19")
def VGG19(of: ImageClassifier) -> Model:
    """VGG19: 143.7 M parameters, images of 224 x 224."""
    return vgg(of, "vgg19", (2, 2, 4, 4, 4))


def vgg(of: ImageClassifier, published: str, convolutions: tuple[int, ...]) -> Model:
    """Return the network with these numbers of convolutions in its blocks."""
    x = image = of.image(224)
    for block, (count, filters) in enumerate(zip(convolutions, FILTERS, strict=True), 1):
        for i in range(1, count + 1):
            x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{i}")(x)
        x = MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if of.include_top:
        x = Flatten(name="flatten")(x)
        for name in ("fc1", "fc2"):
            x = Dense(4096, activation="relu", name=name)(x)
        x = of.predictions(x)
    else:
        x = of.pooled(x)
    return of.model(image, x, tf_kernels(published, published, of.include_top))
