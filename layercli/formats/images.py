"""Images, one or a folder of them, as pixel arrays, read by Pillow (an optional extra)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.core.limits import PIXELS
from layercli.errors import FileError, FormatError, MissingPackageError, UsageError
from layercli.formats.os_errors import reading

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""The only formats that Pillow may read, whatever the suffix: for EPS, for example, it starts another program."""
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
WHITE = 257
"""The divisor from 16-bit to 8-bit pixels: 65535 becomes 255."""


def is_images(path: str) -> bool:
    """Whether ``path`` has the suffix of an image, or is a folder."""
    return path.lower().endswith(ENDINGS) or os.path.isdir(path)


def files_in(path: str) -> list[Path]:
    """Return the images of a folder sorted by name, or a single image itself."""
    place = Path(path)
    if not place.is_dir():
        return [place]
    found = sorted(file for file in place.iterdir() if file.name.lower().endswith(ENDINGS))
    if not found:
        raise FileError(f"{path} is a folder without images", hint=f"images end in {', '.join(ENDINGS)}")
    return found


def read_images(path: str, size: tuple[int | None, int | None], channels: int) -> np.ndarray:
    """Return uint8[images, height, width, channels], resized to ``size`` (height, width) if given.

    Images of different sizes require ``size``. Resizing is bilinear with antialiasing.
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
    """Raise UsageError unless images can have that many channels."""
    if channels not in MODES:
        raise UsageError(f"images have {', '.join(map(str, MODES))} channels, the model takes {channels}")


def pixels(file: Path, size: tuple[int | None, int | None], channels: int) -> np.ndarray:
    """Return one image as uint8[height, width, channels], rotated by its EXIF orientation; 16-bit pixels become 8-bit.

    UsageError for pixels that are floats or 32-bit integers, because their black and white levels are unknown.
    """
    import numpy as np

    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ModuleNotFoundError:
        raise MissingPackageError(
            "reading images needs Pillow, which is not installed", hint="pip install 'layercli[images]'"
        ) from None
    with reading(file), unlimited():
        try:
            with Image.open(file, formats=FORMATS) as image:
                PIXELS.check(file, image.width * image.height)
                converted = ImageOps.exif_transpose(of_bytes(file, image)).convert(MODES[channels])
        except (UnidentifiedImageError, SyntaxError):
            raise FormatError(f"{file} is not an image, or is damaged") from None
    height, width = (size[0] or converted.height), (size[1] or converted.width)
    if (height, width) != (converted.height, converted.width):
        converted = converted.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(converted, np.uint8).reshape(height, width, channels)


@contextmanager
def unlimited() -> Iterator[None]:
    """Let Pillow open images of any size, without the warning: the limit is layercli's own."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def of_bytes(file: Path, image: Image.Image) -> Image.Image:
    """Return an image with channels from 0 to 255, the range that Pillow's ``convert`` assumes."""
    import numpy as np
    from PIL import Image

    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    if sixteen:
        eight = Image.fromarray(np.rint(np.asarray(image).astype(np.float32) / WHITE).astype(np.uint8))
        eight.info["exif"] = image.getexif().tobytes()  # EXIF orientation
        return eight
    if image.mode in ("I", "F"):
        kind = "floats" if image.mode == "F" else "integers of 32 bits"
        raise UsageError(f"the pixels of {file} are {kind}, not 0 to 255", hint="a .npy holds any numbers")
    if image.mode in ("P", "PA") and "transparency" in image.info:
        return image.convert("RGBA")
    return image
