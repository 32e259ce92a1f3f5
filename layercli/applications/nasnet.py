"""NASNet-A as in Keras: the networks and the names of ImageNet's classes."""

from __future__ import annotations

from layercli.applications.imagenet_utils import decode_predictions
from layercli.applications.preprocessing import tf as preprocess_input
from layercli.models.applications.nasnet import NASNetLarge, NASNetMobile

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]
