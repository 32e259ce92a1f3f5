"""The networks of keras.applications, with Keras's arguments, names of layers and order of weights.

Each function takes these arguments, in an order of its own:

* ``include_top``: whether the network ends in its classifier.
* ``weights``: the path of a weight file, ``"imagenet"`` for the published file in Keras's folder, or None for initial values.
* ``input_tensor``: a symbolic tensor to begin with, instead of an image.
* ``input_shape``: the shape (height, width, channels) of an image.
* ``pooling``: without the classifier, ``"avg"`` or ``"max"`` for one vector per image, or None for the last feature map.
* ``classes`` and ``classifier_activation``: the units and the activation of the classifier.
* ``name``: the name of the model.

``layercli.applications`` has them under Keras's module names, with ``preprocess_input`` and ``decode_predictions``.
"""

from __future__ import annotations

NETWORKS = {
    "ConvNeXtBase": "convnext",
    "ConvNeXtLarge": "convnext",
    "ConvNeXtSmall": "convnext",
    "ConvNeXtTiny": "convnext",
    "ConvNeXtXLarge": "convnext",
    "DenseNet121": "densenet",
    "DenseNet169": "densenet",
    "DenseNet201": "densenet",
    "EfficientNetB0": "efficientnet",
    "EfficientNetB1": "efficientnet",
    "EfficientNetB2": "efficientnet",
    "EfficientNetB3": "efficientnet",
    "EfficientNetB4": "efficientnet",
    "EfficientNetB5": "efficientnet",
    "EfficientNetB6": "efficientnet",
    "EfficientNetB7": "efficientnet",
    "EfficientNetV2B0": "efficientnet_v2",
    "EfficientNetV2B1": "efficientnet_v2",
    "EfficientNetV2B2": "efficientnet_v2",
    "EfficientNetV2B3": "efficientnet_v2",
    "EfficientNetV2L": "efficientnet_v2",
    "EfficientNetV2M": "efficientnet_v2",
    "EfficientNetV2S": "efficientnet_v2",
    "InceptionResNetV2": "inception_resnet_v2",
    "InceptionV3": "inception_v3",
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Large": "mobilenet_v3",
    "MobileNetV3Small": "mobilenet_v3",
    "NASNetLarge": "nasnet",
    "NASNetMobile": "nasnet",
    "ResNet101": "resnet",
    "ResNet101V2": "resnet_v2",
    "ResNet152": "resnet",
    "ResNet152V2": "resnet_v2",
    "ResNet50": "resnet",
    "ResNet50V2": "resnet_v2",
    "VGG16": "vgg",
    "VGG19": "vgg",
    "Xception": "xception",
}
"""The module of each network."""
