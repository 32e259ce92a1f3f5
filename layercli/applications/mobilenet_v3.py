"""MobileNetV3 as in Keras: the preprocessing and the names of ImageNet's classes."""

from __future__ import annotations

from layercli.applications.imagenet_utils import decode_predictions
from layercli.applications.preprocessing import unchanged as preprocess_input

__all__ = ["decode_predictions", "preprocess_input"]
