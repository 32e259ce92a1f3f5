"""MobileNetV2 as in Keras: the network and the names of ImageNet's classes."""

from __future__ import annotations

from layercli.applications.imagenet_utils import decode_predictions
from layercli.applications.preprocessing import tf as preprocess_input
from layercli.models.applications.mobilenet_v2 import MobileNetV2

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]
