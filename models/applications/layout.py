"""Where an image has its channels: last, or first where config.image_data_format says so."""

from __future__ import annotations

from typing import Any

from layercli import config
from layercli.core.types import Tensor
from layercli.errors import UsageError


def channels_first() -> bool:
    """Return whether new networks take (channels, height, width)."""
    return config.image_data_format() == "channels_first"


def channel_axis() -> int:
    """Return the axis of the channels in a batch of images."""
    return 1 if channels_first() else -1


def channels_of(x: Tensor) -> Any:
    """Return the number of channels."""
    return x.shape[channel_axis()]


def sizes_of(x: Tensor) -> Any:
    """Return the height and the width."""
    return x.shape[2:] if channels_first() else x.shape[1:3]


def require_channels_last(name: str) -> None:
    """Raise UsageError for a network that Keras makes with channels last alone."""
    if channels_first():
        raise UsageError(
            f"{name} takes images with channels last alone", hint="config.set_image_data_format('channels_last')"
        )
