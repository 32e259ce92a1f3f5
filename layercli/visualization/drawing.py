"""Bounding boxes and masks of segmentation drawn on images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from layercli import config, ops
from layercli.errors import DTypeError, MissingPackageError, ShapeError, UsageError
from layercli.ops.image.boxes import NO_BOX, convert_format

WHITE = 255
CHANNELS_LAST = (0, 2, 3, 1)
TEXT_HEIGHT = 22
"""The height of a line of text in pixels, for a font_scale of 1."""

Color = Sequence[int]


def pillow() -> Any:
    """Return Pillow's package; MissingPackageError without it."""
    try:
        import PIL.ImageDraw
        import PIL.ImageFont
    except ModuleNotFoundError:
        raise MissingPackageError(
            "drawing on images needs Pillow, which is not installed", hint="pip install 'layercli[images]'"
        ) from None
    return PIL


def batch_of(images: Any, data_format: str | None) -> np.ndarray:
    """Return images as an array, channels last; ShapeError unless they are a batch."""
    array = np.asarray(ops.convert_to_numpy(images))
    if array.ndim != 4:
        raise ShapeError(f"expects a batch of images with 4 axes, got the shape {array.shape}")
    first = (data_format or config.image_data_format()) == "channels_first"
    return array.transpose(CHANNELS_LAST) if first else array


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Return images as uint8: floats of at most 1 are parts of 255."""
    if images.dtype.kind != "f":
        return images.astype(np.uint8)
    white = WHITE if images.size and images.max() <= 1 else 1
    return np.asarray(np.clip(images * white, 0, WHITE).astype(np.uint8))


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: dict[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Color = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Return the images as uint8, channels last, with boxes drawn on them; boxes with the label -1 are left out.

    Args:
        images: A batch, of values from 0 to 255, or floats from 0 to 1.
        bounding_boxes: A dict of ``boxes`` (batch, n, 4), ``labels`` (batch, n), and ``confidences`` (batch, n) if there are any.
        bounding_box_format: Their format, such as ``"xyxy"``.
        class_mapping: The name of each label, which is written beside its boxes; None for no names.
        color: Red, green and blue, from 0 to 255.
        line_thickness: The thickness of lines in pixels.
        text_thickness: The thickness of the strokes of letters in pixels.
        font_scale: The size of letters; 1 is 22 pixels.
        data_format: ``"channels_last"`` or ``"channels_first"``; None for the default.
    """
    if not isinstance(bounding_boxes, dict):
        raise DTypeError(f"bounding_boxes is a dict of boxes and labels, got a {type(bounding_boxes).__name__}")
    if not {"boxes", "labels"} <= set(bounding_boxes):
        raise UsageError(f"expects bounding_boxes with boxes and labels, got {', '.join(map(repr, bounding_boxes))}")
    batch = batch_of(images, data_format)
    boxes = convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", *batch.shape[1:3])
    found, labels = np.asarray(ops.convert_to_numpy(boxes)), np.asarray(ops.convert_to_numpy(bounding_boxes["labels"]))
    sure = bounding_boxes.get("confidences")
    names, drawn = class_mapping or {}, []
    for i, pixels in enumerate(as_bytes(batch)):
        texts = [names.get(int(label), "") for label in labels[i]]
        if sure is not None:
            texts = [f"{text} | {float(each):.2f}" if text else "" for text, each in zip(texts, sure[i], strict=True)]
        kept = [(box, text) for box, text, label in zip(found[i], texts, labels[i], strict=True) if label != NO_BOX]
        drawn.append(
            _with_boxes(pixels, kept, tuple(color), line_thickness, text_thickness or line_thickness, font_scale)
        )
    return np.stack(drawn)


def _with_boxes(
    pixels: np.ndarray, boxes: list[tuple[Any, str]], color: tuple[int, ...], line: int, stroke: int, font_scale: float
) -> np.ndarray:
    library = pillow()
    gray = pixels.shape[-1] == 1
    image = library.Image.fromarray(pixels[..., 0] if gray else pixels)
    canvas = library.ImageDraw.Draw(image)
    paint = color[0] if gray else color
    size = max(int(TEXT_HEIGHT * font_scale), 1)
    for box, text in boxes:
        left, top, right, bottom = (int(value) for value in box)
        canvas.rectangle(
            (min(left, right), min(top, bottom), max(left, right), max(top, bottom)), outline=paint, width=line
        )
        if text:
            above = top - size - line
            place = (left, above) if above > 0 else (left + line + 1, top + line + 1)
            canvas.text(
                place, text, fill=paint, font=library.ImageFont.load_default(size), stroke_width=(stroke - 1) // 2
            )
    return np.asarray(image).reshape(pixels.shape)


def draw_segmentation_masks(
    images: object,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Color] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Return the images as uint8, channels last, each pixel in the color of its class.

    Args:
        images: A batch, of values from 0 to 255.
        segmentation_masks: The class of each pixel, integers (batch, height, width, 1) or (batch, height, width).
        num_classes: The largest class that is drawn; None for the largest in the masks.
        color_mapping: Red, green and blue for each class; None for colors of its own.
        alpha: How much of the color there is in a pixel, from 0 to 1; the rest is the image.
        blend: Whether the colors are mixed with the image; otherwise they take its place.
        ignore_index: The class that is not drawn.
        data_format: ``"channels_last"`` or ``"channels_first"``; None for the default.
    """
    batch, masks = (
        batch_of(images, data_format).astype(np.float32),
        np.asarray(ops.convert_to_numpy(segmentation_masks)),
    )
    if masks.dtype.kind not in "iu":
        raise DTypeError(f"the masks of segmentation are integers, got {masks.dtype}")
    if masks.ndim == 4:
        masks = batch_of(masks, data_format)[..., 0]
    if masks.shape != batch.shape[:3]:
        raise ShapeError(f"expects masks of the shape {batch.shape[:3]}, got {masks.shape}")
    classes = range((int(masks.max()) if num_classes is None else num_classes) + 1)
    colored = batch.copy()
    for each in classes:
        if each != ignore_index:
            colored[masks == each] = (color_mapping.get(each, (0, 0, 0)) if color_mapping else palette(each))[
                : batch.shape[-1]
            ]
    mixed = batch * (1 - alpha) + colored * alpha if blend else colored
    return np.asarray(np.where((masks != ignore_index)[..., None], mixed, batch).astype(np.uint8))


def palette(each: int) -> Color:
    """Return the color of a class: black for 0, as in Keras.

    >>> palette(1)
    [1, 127, 31]
    """
    return [each * step % WHITE for step in (2**25 - 1, 2**15 - 1, 2**21 - 1)]
