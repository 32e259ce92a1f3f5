"""AveragePooling1D, AveragePooling2D and AveragePooling3D."""

from __future__ import annotations

from typing import Any

from layercli.layers.pooling.base_pooling import Pooling


class AveragePooling(Pooling):
    """The mean of the values under a window, without the padding."""

    pool_size: Any
    kind = "average"


class AveragePooling1D(AveragePooling):
    """out[p] = mean of x under the window at p * strides: x (batch, steps, channels) to (batch, steps', channels)."""

    axes = 1


class AveragePooling2D(AveragePooling):
    """out[p] = mean of x under the window at p * strides.

    x (batch, height, width, channels) to (batch, height', width', channels).
    """


class AveragePooling3D(AveragePooling):
    """out[p] = mean of x under the window at p * strides.

    x (batch, depth, height, width, channels) to (batch, depth', height', width', channels).
    """

    axes = 3
