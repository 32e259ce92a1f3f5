"""Places added around an image, and places cut off."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.layers.settings import PAIR, DataFormat, per_axis
from layercli.ops.numpy.padding import Crop, Pad


class Bordered(Layer):
    """A layer whose setting is a pair of numbers per spatial axis: before and after."""

    axes = 2

    def border(self, op: type[Pad] | type[Crop], name: str, data_format: Any = None) -> None:
        """Make the setting called ``name`` one pair per spatial axis, and the op of a pair for every axis of x."""
        spatial = per_axis(getattr(self, name), self.axes, name, type(self).__name__, PAIR)
        setattr(self, name, spatial if self.axes > 1 else spatial[0])
        none = (0, 0)
        self.op = op((none, none, *spatial) if data_format == "channels_first" else (none, *spatial, none))

    def call(self, inputs: Any) -> Any:
        """Return the outputs."""
        return self.op(inputs)


class ZeroPadding(Bordered):
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


class Cropping1D(Bordered):
    """out = x without its first and last steps: x (batch, steps, channels); ``cropping`` is a number or (before, after)."""

    cropping: Any = 1
    axes = 1

    def setup(self) -> None:
        """Make the op of the setting."""
        self.border(Crop, "cropping")


class Cropping(Bordered):
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
