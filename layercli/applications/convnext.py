"""ConvNeXt as in Keras: the networks and the names of ImageNet's classes."""

from __future__ import annotations

from layercli.applications.imagenet_utils import decode_predictions
from layercli.applications.preprocessing import unchanged as preprocess_input
from layercli.models.applications.convnext import (
    ConvNeXtBase,
    ConvNeXtLarge,
    ConvNeXtSmall,
    ConvNeXtTiny,
    ConvNeXtXLarge,
)

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]
