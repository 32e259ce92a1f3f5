"""Images of another size: resized, or windows of them."""

from __future__ import annotations

from typing import Annotated, Any

from layercli import ops
from layercli.errors import UsageError
from layercli.layers.images import Images, RandomImages
from layercli.layers.settings import DataFormat, Number, PositiveInt, Seed, Truth, one_of
from layercli.ops.image.crop_windows import CenterWindow, RandomWindow
from layercli.ops.image.resize import Resize, check_interpolation


class Resizing(Images):
    """out = the images x, ``height`` pixels high and ``width`` wide, by ``interpolation``: nearest, bilinear or bicubic.

    x is (batch, height, width, channels), channels first, or one image; its dtype stays, whole numbers are rounded. Images of
    another ratio of sides are distorted, or cut down to their middle (``crop_to_aspect_ratio``), or given edges of
    ``fill_value`` (``pad_to_aspect_ratio``). UsageError for both, and for an interpolation torch does not have.
    """

    height: PositiveInt
    width: PositiveInt
    interpolation: Any = "bilinear"
    crop_to_aspect_ratio: Truth = False
    pad_to_aspect_ratio: Truth = False
    fill_mode: Annotated[str, one_of("constant")] = "constant"
    fill_value: Number = 0.0
    antialias: Truth = False
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise UsageError("Resizing expects crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
        self.interpolation = check_interpolation(self.interpolation, "Resizing")
        ratio = "crop" if self.crop_to_aspect_ratio else "pad" if self.pad_to_aspect_ratio else ""
        size = (self.height, self.width)
        self.op = Resize(size, self.interpolation, self.antialias, self.channels_first, ratio, self.fill_value)

    def changed(self, images: Any, training: bool) -> Any:
        """Return the images resized."""
        return self.op(images)


class CenterCrop(Images):
    """out = the middle of the images x, ``height`` pixels high and ``width`` wide, in floats.

    x is (batch, height, width, channels), channels first, or one image. Where it is too small for that, it is its largest
    window of that ratio of sides, resized bilinearly.
    """

    height: PositiveInt
    width: PositiveInt
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.op = CenterWindow((self.height, self.width), self.channels_first)

    def changed(self, images: Any, training: bool) -> Any:
        """Return the windows."""
        return self.op(ops.cast(images, self.compute_dtype))


class RandomCrop(RandomImages):
    """In training, out = a window of the images x, ``height`` pixels high and ``width`` wide, from a place drawn for them all.

    Where x is not larger both ways, it is cut where its largest window of that ratio of sides begins, and resized bilinearly.
    Otherwise out = x, of whatever size, as in Keras 3.15.1.
    """

    height: PositiveInt
    width: PositiveInt
    seed: Seed = None
    data_format: DataFormat = None

    def setup(self) -> None:
        """Make the op of the settings."""
        self.settle((0, 1), (0, 1))
        self.window = RandomWindow((self.height, self.width), self.channels_first)

    def varied(self, images: Any, drawn: Any) -> Any:
        """Return the window of the images."""
        return self.window(images, drawn)
