"""MaxPooling1D, MaxPooling2D and MaxPooling3D."""

from __future__ import annotations

from layercli.layers.pooling.base_pooling import Pooling


class MaxPooling1D(Pooling):
    """out[p] = maximum of x under the window at p * strides: x (batch, steps, channels) to (batch, steps', channels)."""

    axes = 1


class MaxPooling2D(Pooling):
    """out[p] = maximum of x under the window at p * strides.

    x (batch, height, width, channels) to (batch, height', width', channels).
    """


class MaxPooling3D(Pooling):
    """out[p] = maximum of x under the window at p * strides.

    x (batch, depth, height, width, channels) to (batch, depth', height', width', channels).
    """

    axes = 3
