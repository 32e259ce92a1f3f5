"""Networks for images under Keras's names: ``layercli.applications.ResNet50``, ``layercli.applications.resnet50.preprocess_input``.

A network is imported when it is first used. Nothing is downloaded: see ``layercli.models.applications`` for ``weights``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from layercli.models.applications import NETWORKS

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.models.applications.convnext import ConvNeXtBase as ConvNeXtBase
    from layercli.models.applications.convnext import ConvNeXtLarge as ConvNeXtLarge
    from layercli.models.applications.convnext import ConvNeXtSmall as ConvNeXtSmall
    from layercli.models.applications.convnext import ConvNeXtTiny as ConvNeXtTiny
    from layercli.models.applications.convnext import ConvNeXtXLarge as ConvNeXtXLarge
    from layercli.models.applications.densenet import DenseNet121 as DenseNet121
    from layercli.models.applications.densenet import DenseNet169 as DenseNet169
    from layercli.models.applications.densenet import DenseNet201 as DenseNet201
    from layercli.models.applications.efficientnet import EfficientNetB0 as EfficientNetB0
    from layercli.models.applications.efficientnet import EfficientNetB1 as EfficientNetB1
    from layercli.models.applications.efficientnet import EfficientNetB2 as EfficientNetB2
    from layercli.models.applications.efficientnet import EfficientNetB3 as EfficientNetB3
    from layercli.models.applications.efficientnet import EfficientNetB4 as EfficientNetB4
    from layercli.models.applications.efficientnet import EfficientNetB5 as EfficientNetB5
    from layercli.models.applications.efficientnet import EfficientNetB6 as EfficientNetB6
    from layercli.models.applications.efficientnet import EfficientNetB7 as EfficientNetB7
    from layercli.models.applications.efficientnet_v2 import EfficientNetV2B0 as EfficientNetV2B0
    from layercli.models.applications.efficientnet_v2 import EfficientNetV2B1 as EfficientNetV2B1
    from layercli.models.applications.efficientnet_v2 import EfficientNetV2B2 as EfficientNetV2B2
    from layercli.models.applications.efficientnet_v2 import EfficientNetV2B3 as EfficientNetV2B3
    from layercli.models.applications.efficientnet_v2 import EfficientNetV2L as EfficientNetV2L
    from layercli.models.applications.efficientnet_v2 import EfficientNetV2M as EfficientNetV2M
    from layercli.models.applications.efficientnet_v2 import EfficientNetV2S as EfficientNetV2S
    from layercli.models.applications.inception_resnet_v2 import InceptionResNetV2 as InceptionResNetV2
    from layercli.models.applications.inception_v3 import InceptionV3 as InceptionV3
    from layercli.models.applications.mobilenet import MobileNet as MobileNet
    from layercli.models.applications.mobilenet_v2 import MobileNetV2 as MobileNetV2
    from layercli.models.applications.mobilenet_v3 import MobileNetV3Large as MobileNetV3Large
    from layercli.models.applications.mobilenet_v3 import MobileNetV3Small as MobileNetV3Small
    from layercli.models.applications.nasnet import NASNetLarge as NASNetLarge
    from layercli.models.applications.nasnet import NASNetMobile as NASNetMobile
    from layercli.models.applications.resnet import ResNet50 as ResNet50
    from layercli.models.applications.resnet import ResNet101 as ResNet101
    from layercli.models.applications.resnet import ResNet152 as ResNet152
    from layercli.models.applications.resnet_v2 import ResNet50V2 as ResNet50V2
    from layercli.models.applications.resnet_v2 import ResNet101V2 as ResNet101V2
    from layercli.models.applications.resnet_v2 import ResNet152V2 as ResNet152V2
    from layercli.models.applications.vgg import VGG16 as VGG16
    from layercli.models.applications.vgg import VGG19 as VGG19
    from layercli.models.applications.xception import Xception as Xception

MODULES = (
    "convnext",
    "densenet",
    "efficientnet",
    "efficientnet_v2",
    "imagenet_utils",
    "inception_resnet_v2",
    "inception_v3",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "nasnet",
    "resnet",
    "resnet50",
    "resnet_v2",
    "vgg16",
    "vgg19",
    "xception",
)

__all__ = [*NETWORKS, *MODULES]


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        if name in NETWORKS:
            globals()[name] = getattr(import_module(f"layercli.models.applications.{NETWORKS[name]}"), name)
            return globals()[name]
        if name in MODULES:
            return import_module(f"layercli.applications.{name}")
        raise AttributeError(f"layercli.applications has no {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
