"""Images as Pillow's and as arrays, as in Keras's ``utils``. Pillow is an optional extra."""

from __future__ import annotations

import io
import os
import pathlib
from typing import Any

import numpy as np

from layercli import config, ops
from layercli.errors import FormatError, MissingPackageError, ShapeError, UsageError, nearest
from layercli.formats.os_errors import reading

COLOURS = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
METHODS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
FORMATS = ("channels_last", "channels_first")


def pillow() -> Any:
    """Return Pillow's module; MissingPackageError without it."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise MissingPackageError(
            "images need Pillow, which is not installed", hint="pip install 'layercli[images]'"
        ) from None
    return Image


def load_img(
    path: object,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Return the image in a file, or in a BytesIO, as a Pillow image.

    Args:
        path: The file.
        color_mode: grayscale, rgb or rgba.
        target_size: The size (height, width) to resize to; None keeps the image's own.
        interpolation: nearest, bilinear, bicubic, hamming, box or lanczos.
        keep_aspect_ratio: Whether to cut out the largest part in the middle that has the ratio of ``target_size``.
    """
    from layercli.core.limits import PIXELS
    from layercli.formats import images

    image_module = pillow()
    if color_mode not in COLOURS:
        raise UsageError(f"color_mode is {', '.join(COLOURS)}, got {color_mode!r}", hint=nearest(color_mode, COLOURS))
    if interpolation not in METHODS:
        raise UsageError(f"interpolation is {', '.join(METHODS)}, got {interpolation!r}")
    if isinstance(path, (str, os.PathLike)):
        file = pathlib.Path(path)
        with reading(file):
            path = io.BytesIO(file.read_bytes())
    try:
        with images.unlimited():
            image = image_module.open(path, formats=images.FORMATS)
            PIXELS.check("the image", image.width * image.height)
            image.load()
    except (image_module.UnidentifiedImageError, SyntaxError, OSError):
        raise FormatError("load_img expects an image file, got another or a damaged one") from None
    if not (color_mode == "grayscale" and image.mode in ("L", "I", "I;16")):
        image = image.convert(COLOURS[color_mode])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    size = (target_size[1], target_size[0])
    box = middle(image.size, size) if keep_aspect_ratio else None
    return image.resize(size, image_module.Resampling[interpolation.upper()], box=box)


def middle(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest box (left, top, right, bottom) in the middle of an image (width, height) with a target's ratio.

    >>> middle((500, 340), (200, 200))
    (80, 0, 420, 340)
    """
    width, height = size
    kept_width = min(width, height * target[0] // target[1])
    kept_height = min(height, width * target[1] // target[0])
    left, top = (width - kept_width) // 2, (height - kept_height) // 2
    return left, top, left + kept_width, top + kept_height


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """Return a Pillow image as an array (height, width, channels), or with the channels first.

    Args:
        img: The image, or an array with or without channels.
        data_format: channels_last or channels_first; None for the global one.
        dtype: The dtype; None for float32, or what set_floatx says.
    """
    array = np.asarray(img, dtype or config.floatx())
    if array.ndim not in (2, 3):
        raise ShapeError(f"img_to_array expects an image, (height, width) or with channels, got {array.shape}")
    array = array[..., None] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if checked(data_format) == "channels_first" else array


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """Return an array (height, width, channels) as a Pillow image.

    Args:
        x: The array, of 1, 3 or 4 channels.
        data_format: channels_last or channels_first; None for the global one.
        scale: Whether to stretch the values to 0 to 255.
        dtype: The dtype to compute in; None for float32, or what set_floatx says.
    """
    image_module = pillow()
    array = np.asarray(x, dtype or config.floatx())
    if array.ndim != 3:
        raise ShapeError(f"array_to_img expects one image, (height, width, channels), got {array.shape}")
    array = array.transpose(1, 2, 0) if checked(data_format) == "channels_first" else array
    if array.shape[2] not in (1, 3, 4):
        raise ShapeError(f"array_to_img expects 1, 3 or 4 channels, got {array.shape[2]}")
    if scale:
        array = array - array.min()
        array = array / (array.max() or 1) * 255
    if array.shape[2] == 1:
        return image_module.fromarray(array[:, :, 0].astype("int32" if array.max() > 255 else "uint8"))
    return image_module.fromarray(array.astype("uint8"))


def save_img(
    path: Any,
    x: object,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: object,
) -> None:
    """Write an array as an image file; its format follows from the name unless ``file_format`` says it.

    JPEG has no transparency: a fourth channel is left out. ``kwargs`` are Pillow's, as quality.
    """
    named = isinstance(path, (str, os.PathLike))
    kind = file_format or (pathlib.Path(path).suffix[1:] if named else None)
    kind = "jpeg" if kind and kind.lower() == "jpg" else kind
    image = array_to_img(x, data_format, scale)
    if kind and kind.lower() == "jpeg" and image.mode == "RGBA":
        image = image.convert("RGB")
    held = io.BytesIO()
    try:
        image.save(held, format=kind, **kwargs)
    except (KeyError, ValueError):
        raise UsageError(f"save_img expects the name of an image format, got {kind!r}", hint="as in x.png") from None
    if not named:
        path.write(held.getvalue())
        return
    from layercli.formats.atomic import replacing

    with replacing(pathlib.Path(path)) as stream:
        stream.write(held.getvalue())


def smart_resize(
    x: object, size: tuple[int, int], interpolation: str = "bilinear", data_format: str = "channels_last"
) -> Any:
    """Return an image or a batch, resized to (height, width) without distortion: what does not fit is cut off at the edges.

    An array gives an array, a tensor a tensor.
    """
    tensor = ops.convert_to_tensor(x)
    if len(tensor.shape) not in (3, 4) or len(size) != 2:
        raise ShapeError(
            f"smart_resize expects an image or a batch and (height, width), got {tuple(tensor.shape)}, {size}"
        )
    rows = -3 if data_format == "channels_last" else -2
    height, width = tensor.shape[rows], tensor.shape[rows + 1]
    kept_height = max(min(height, int(width * size[0] / size[1])), 1)
    kept_width = max(min(width, int(height * size[1] / size[0])), 1)
    top, left = (height - kept_height) // 2, (width - kept_width) // 2
    last = (slice(None),) if data_format == "channels_last" else ()
    cut = (..., slice(top, top + kept_height), slice(left, left + kept_width), *last)
    resized = ops.image.resize(tensor[cut], size, interpolation, data_format=data_format)
    return ops.convert_to_numpy(resized) if isinstance(x, np.ndarray) else resized


def checked(data_format: str | None) -> str:
    """Return a data format; UsageError for one that there is not."""
    if data_format not in (None, *FORMATS):
        raise UsageError(f"data_format is {' or '.join(FORMATS)}, got {data_format!r}")
    return data_format or config.image_data_format()
