"""ResNet as in Keras: the networks and the names of ImageNet's classes."""

from __future__ import annotations

from layercli.applications.imagenet_utils import decode_predictions
from layercli.applications.preprocessing import caffe as preprocess_input
from layercli.models.applications.resnet import ResNet50, ResNet101, ResNet152

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]
