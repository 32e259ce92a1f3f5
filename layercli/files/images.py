"""Images, one or a folder of them, as arrays of pixels: read by Pillow, which is an extra."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.errors import FileError, FormatError, MissingPackageError, UsageError
from layercli.files.failure import reading

if TYPE_CHECKING:
    import numpy as np

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def is_images(path: str) -> bool:
    """Whether ``path`` is named like an image, or is a folder."""
    return path.lower().endswith(ENDINGS) or os.path.isdir(path)


def files_in(path: str) -> list[Path]:
    """Return the images of a folder in the order of their names, or the one image itself."""
    place = Path(path)
    if not place.is_dir():
        return [place]
    found = sorted(file for file in place.iterdir() if file.name.lower().endswith(ENDINGS))
    if not found:
        raise FileError(f"{path} is a folder without images", hint=f"images end in {', '.join(ENDINGS)}")
    return found


def read_images(path: str, size: tuple[int | None, int | None], channels: int) -> np.ndarray:
    """Return uint8[images, height, width, channels], resized to ``size`` (height, width) where it is given.

    Images of different sizes need one. Resizing is bilinear, over all the pixels that a new one covers.
    """
    import numpy as np

    check_channels(channels)
    arrays = [pixels(file, size, channels) for file in files_in(path)]
    different = {array.shape for array in arrays}
    if len(different) > 1:
        raise UsageError(
            f"the images in {path} are of different sizes, and the model takes any",
            hint="give it one with --input-shape, as in 1,224,224,3",
        )
    return np.stack(arrays)


def check_channels(channels: int) -> None:
    """Raise UsageError unless images can have so many channels."""
    if channels not in MODES:
        raise UsageError(f"images have {', '.join(map(str, MODES))} channels, the model takes {channels}")


def pixels(file: Path, size: tuple[int | None, int | None], channels: int) -> np.ndarray:
    """Return one image as uint8[height, width, channels]."""
    import numpy as np

    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError:
        raise MissingPackageError(
            "reading images needs Pillow, which is not installed", hint="pip install 'layercli[images]'"
        ) from None
    with reading(file):
        try:
            with Image.open(file) as image:
                converted = image.convert(MODES[channels])
        except (UnidentifiedImageError, SyntaxError, Image.DecompressionBombError):
            raise FormatError(f"{file} is not an image, or is damaged") from None
    height, width = (size[0] or converted.height), (size[1] or converted.width)
    if (height, width) != (converted.height, converted.width):
        converted = converted.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(converted, np.uint8).reshape(height, width, channels)
