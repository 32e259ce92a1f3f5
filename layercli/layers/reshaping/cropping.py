"""Cropping1D, Cropping2D and Cropping3D."""

from __future__ import annotations

from typing import Any

from layercli.layers.reshaping.base_padding import BasePadding
from layercli.layers.validators import DataFormat
from layercli.ops.numpy.padding import Crop


class Cropping1D(BasePadding):
    """Remove steps at both ends: x (batch, steps, channels) to (batch, steps', channels).

    Args:
        cropping: The number of steps to remove: an integer for both ends, or (before, after).
    """

    cropping: Any = 1
    axes = 1

    def setup(self) -> None:
        """Make the op of the setting."""
        self.border(Crop, "cropping")


class Cropping(BasePadding):
    """Remove the borders of x.

    Args:
        cropping: The sizes to remove: an integer, one for each spatial axis, or (before, after) for each.
    """

    cropping: Any = 0
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.border(Crop, "cropping", self.data_format)


class Cropping2D(Cropping):
    """Remove the borders of images: x (batch, height, width, channels) to (batch, height', width', channels)."""


class Cropping3D(Cropping):
    """Remove the borders of volumes: x (batch, depth, height, width, channels) to (batch, depth', height', width', channels)."""

    cropping: Any = 1
    axes = 3
