"""Pooling under a window that slides."""

from __future__ import annotations

from layercli.layers.pooling.base_pooling import Pooling


class MaxPooling1D(Pooling):
    """The greatest value under a window: x (batch, steps, channels) to (batch, steps', channels)."""

    axes = 1


class MaxPooling2D(Pooling):
    """The greatest value under a window: x (batch, height, width, channels) to (batch, height', width', channels)."""


class MaxPooling3D(Pooling):
    """The greatest value under a window: x (batch, depth, height, width, channels), each spatial size made smaller."""

    axes = 3
