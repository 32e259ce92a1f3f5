"""EfficientNetV2 as in Keras: the networks and the names of ImageNet's classes."""

from __future__ import annotations

from layercli.applications.imagenet_utils import decode_predictions
from layercli.applications.preprocessing import unchanged as preprocess_input
from layercli.models.applications.efficientnet_v2 import (
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2L,
    EfficientNetV2M,
    EfficientNetV2S,
)

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]
