"""The named models: readable examples of the framework, with default arguments and an example input.

A model is a class (or a function that returns a Layer) whose arguments all have defaults. Another package adds its own
through the entry-point group ``layercli.models``: ``my-net = "my_package.nets:MyNet"``.

Keras's names in this module are available too: ``Model``, ``Sequential``, ``load_model``, ``clone_model`` and others.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

APPLICATIONS = {
    "resnet50-keras": "ResNet50",
    "resnet101": "ResNet101",
    "resnet152": "ResNet152",
    "resnet50-v2": "ResNet50V2",
    "resnet101-v2": "ResNet101V2",
    "resnet152-v2": "ResNet152V2",
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "mobilenet": "MobileNet",
    "mobilenet-v2": "MobileNetV2",
    "mobilenet-v3-small": "MobileNetV3Small",
    "mobilenet-v3-large": "MobileNetV3Large",
    "densenet121": "DenseNet121",
    "densenet169": "DenseNet169",
    "densenet201": "DenseNet201",
    "inception-v3": "InceptionV3",
    "inception-resnet-v2": "InceptionResNetV2",
    "xception": "Xception",
    "nasnet-mobile": "NASNetMobile",
    "nasnet-large": "NASNetLarge",
    "efficientnet-b0": "EfficientNetB0",
    "efficientnet-b1": "EfficientNetB1",
    "efficientnet-b2": "EfficientNetB2",
    "efficientnet-b3": "EfficientNetB3",
    "efficientnet-b4": "EfficientNetB4",
    "efficientnet-b5": "EfficientNetB5",
    "efficientnet-b6": "EfficientNetB6",
    "efficientnet-b7": "EfficientNetB7",
    "efficientnet-v2-b0": "EfficientNetV2B0",
    "efficientnet-v2-b1": "EfficientNetV2B1",
    "efficientnet-v2-b2": "EfficientNetV2B2",
    "efficientnet-v2-b3": "EfficientNetV2B3",
    "efficientnet-v2-s": "EfficientNetV2S",
    "efficientnet-v2-m": "EfficientNetV2M",
    "efficientnet-v2-l": "EfficientNetV2L",
    "convnext-tiny": "ConvNeXtTiny",
    "convnext-small": "ConvNeXtSmall",
    "convnext-base": "ConvNeXtBase",
    "convnext-large": "ConvNeXtLarge",
    "convnext-xlarge": "ConvNeXtXLarge",
}
"""The networks of keras.applications. resnet50 above is made of nested blocks, resnet50-keras has Keras's names of layers."""

NAMED = {
    "resnet-block": "layercli.models.resnet:ResnetIdentityBlock",
    "sequential": "layercli.models.basics:sequential",
    "my-dense": "layercli.models.basics:MyDenseLayer",
    "linear-regression": "layercli.models.basics:LinearRegression",
    "mlp": "layercli.models.basics:MLP",
    "lenet": "layercli.models.lenet:lenet",
    "lstm": "layercli.models.lstm:LSTMClassifier",
    "resnet50": "layercli.models.resnet:ResNet50",
    "transformer-encoder": "layercli.models.transformer:TransformerEncoder",
    "decoder": "layercli.models.decoder:decoder",
    **{name: f"layercli.models.applications.named:{network}" for name, network in APPLICATIONS.items()},
}
"""The location of each model: module and name."""

OF_KERAS = {
    "Model": "layercli.core.model",
    "Sequential": "layercli.core.sequential",
    "clone_model": "layercli.core.cloning",
    "load_model": "layercli.saving",
    "model_from_json": "layercli.saving.deserialization",
    "save_model": "layercli.saving",
}
"""The location of Keras's names."""


def __getattr__(name: str) -> Any:
    if name in OF_KERAS:
        return getattr(import_module(OF_KERAS[name]), name)
    raise AttributeError(f"layercli.models has no {name!r}")
