"""Xception as in Keras: the network and the names of ImageNet's classes."""

from __future__ import annotations

from layercli.applications.imagenet_utils import decode_predictions
from layercli.applications.preprocessing import tf as preprocess_input
from layercli.models.applications.xception import Xception

__all__ = ["Xception", "decode_predictions", "preprocess_input"]
