"""Places added around an image, and places cut off."""

from __future__ import annotations

from typing import Any

from layercli.layers.reshaping.base_padding import BasePadding
from layercli.layers.validators import DataFormat
from layercli.ops.numpy.padding import Pad


class ZeroPadding(BasePadding):
    """out = x with zeros around it: ``padding`` is a number, one per axis, or a (before, after) per axis."""

    padding: Any = 1
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.border(Pad, "padding", self.data_format)


class ZeroPadding1D(ZeroPadding):
    """Zeros before and after the steps: x (batch, steps, channels); ``padding`` is a number or (before, after)."""

    axes = 1


class ZeroPadding2D(ZeroPadding):
    """Zeros around images: x (batch, height, width, channels)."""


class ZeroPadding3D(ZeroPadding):
    """Zeros around volumes: x (batch, depth, height, width, channels)."""

    axes = 3
