"""Pooling under a window that slides."""

from __future__ import annotations

from typing import Any

from layercli.layers.pooling.base_pooling import Pooling


class AveragePooling(Pooling):
    """Pooling to the mean of the real values under the window; ``pool_size`` has no default."""

    pool_size: Any
    kind = "average"


class AveragePooling1D(AveragePooling):
    """The mean under a window: x (batch, steps, channels) to (batch, steps', channels)."""

    axes = 1


class AveragePooling2D(AveragePooling):
    """The mean under a window: x (batch, height, width, channels) to (batch, height', width', channels)."""


class AveragePooling3D(AveragePooling):
    """The mean under a window: x (batch, depth, height, width, channels), each spatial size made smaller."""

    axes = 3
