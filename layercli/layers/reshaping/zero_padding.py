"""ZeroPadding1D, ZeroPadding2D and ZeroPadding3D."""

from __future__ import annotations

from typing import Any

from layercli.layers.reshaping.base_padding import BasePadding
from layercli.layers.validators import DataFormat
from layercli.ops.numpy.padding import Pad


class ZeroPadding(BasePadding):
    """Add zeros around x.

    Args:
        padding: The sizes to add: an integer, one for each spatial axis, or (before, after) for each.
    """

    padding: Any = 1
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.border(Pad, "padding", self.data_format)


class ZeroPadding1D(ZeroPadding):
    """Add zeros before and after the steps: x (batch, steps, channels) to (batch, steps', channels).

    Args:
        padding: The number of steps to add: an integer for both ends, or (before, after).
    """

    axes = 1


class ZeroPadding2D(ZeroPadding):
    """Add zeros around images: x (batch, height, width, channels) to (batch, height', width', channels)."""


class ZeroPadding3D(ZeroPadding):
    """Add zeros around volumes: x (batch, depth, height, width, channels) to (batch, depth', height', width', channels)."""

    axes = 3
