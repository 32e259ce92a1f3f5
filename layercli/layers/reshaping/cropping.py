"""Places added around an image, and places cut off."""

from __future__ import annotations

from typing import Any

from layercli.layers.reshaping.base_padding import BasePadding
from layercli.layers.validators import DataFormat
from layercli.ops.numpy.padding import Crop


class Cropping1D(BasePadding):
    """out = x without its first and last steps: x (batch, steps, channels); ``cropping`` is a number or (before, after)."""

    cropping: Any = 1
    axes = 1

    def setup(self) -> None:
        """Make the op of the setting."""
        self.border(Crop, "cropping")


class Cropping(BasePadding):
    """out = x without its border: ``cropping`` is a number, one per axis, or a (before, after) per axis."""

    cropping: Any = 0
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.border(Crop, "cropping", self.data_format)


class Cropping2D(Cropping):
    """Images without their border: x (batch, height, width, channels)."""


class Cropping3D(Cropping):
    """Volumes without their border: x (batch, depth, height, width, channels)."""

    cropping: Any = 1
    axes = 3
