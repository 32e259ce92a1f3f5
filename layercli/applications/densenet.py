"""DenseNet as in Keras: the networks and the names of ImageNet's classes."""

from __future__ import annotations

from layercli.applications.imagenet_utils import decode_predictions
from layercli.applications.preprocessing import torch as preprocess_input
from layercli.models.applications.densenet import DenseNet121, DenseNet169, DenseNet201

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]
