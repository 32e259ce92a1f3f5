"""Images in rows and columns, with titles, in a file or on the screen."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layercli import ops
from layercli.errors import UsageError
from layercli.formats.atomic import replacing
from layercli.visualization.drawing import Color, batch_of, draw_bounding_boxes, draw_segmentation_masks, pillow

POINTS = 72
TITLE = 8
"""The height of titles in points."""
LEAST = 10
"""The height in pixels below which Pillow's font cannot be read."""


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[Any, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> None:
    """Write a gallery of images to a file, or show it.

    Args:
        images: A batch.
        y_true: The label of each image, for its title.
        y_pred: The label that a model predicts for each image, for its title.
        label_map: The name of each label.
        rows: The number of rows; None for as many as columns, about.
        cols: The number of columns.
        value_range: The values of black and white in the images.
        scale: The size of an image in inches.
        path: The file, such as ``"gallery.png"``; None for none.
        show: Whether to show it: in a notebook below the cell, else by the system's viewer. None for True where there is no path.
        transparent: Whether the file has no background; otherwise it is white.
        dpi: Pixels an inch.
        legend_handles: What a legend below the images says: patches of matplotlib, or any with get_label and get_facecolor.
        data_format: ``"channels_last"`` or ``"channels_first"``; None for the default.
    """
    if path is not None and show:
        raise UsageError("plot_image_gallery takes a path, or show=True, not both")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise UsageError("plot_image_gallery needs label_map for the titles of y_true and y_pred")
    batch = batch_of(images, data_format)
    rows = rows or math.ceil(math.sqrt(len(batch)))
    cols = cols or max(len(batch) // rows, 1)
    low, high = value_range
    pixels = ((batch[: rows * cols].astype(np.float32) - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
    titles = [_title(i, y_true, y_pred, label_map or {}) for i in range(len(pixels))]
    picture = _picture(pixels, titles, cols, round(scale * dpi), dpi, legend_handles or [])
    if not transparent:
        opaque = pillow().Image.new("RGB", picture.size, "white")
        opaque.paste(picture, mask=picture)
        picture = opaque
    if path is not None:
        _write(picture, Path(path), dpi)
    elif show is None or show:
        _show(picture)


def _title(i: int, y_true: Any, y_pred: Any, names: Mapping[Any, str]) -> str:
    given = (("Label", y_true), ("Pred", y_pred))
    values = [(what, np.asarray(ops.convert_to_numpy(labels))) for what, labels in given if labels is not None]
    return "  ".join(f"{what}: {names.get(labels[i].item(), 'Unknown')}" for what, labels in values if i < len(labels))


def _picture(pixels: np.ndarray, titles: list[str], cols: int, side: int, dpi: int, handles: Sequence[Any]) -> Any:
    """Return a Pillow image, RGBA, of images of at most ``side`` pixels, with titles above and a legend below."""
    library = pillow()
    font = library.ImageFont.load_default(max(TITLE * dpi / POINTS, LEAST))
    line = round(1.6 * font.size)
    head = line if any(titles) else 0
    factor = side / max(pixels.shape[1:3])
    height, width = (max(round(size * factor), 1) for size in pixels.shape[1:3])
    rows = math.ceil(len(pixels) / cols)
    whole = library.Image.new("RGBA", (cols * width, rows * (height + head) + (line if handles else 0)))
    canvas = library.ImageDraw.Draw(whole)
    for i, each in enumerate(pixels):
        left, top = i % cols * width, i // cols * (height + head)
        image = library.Image.fromarray(each[..., 0] if each.shape[-1] == 1 else each).convert("RGBA")
        whole.paste(image.resize((width, height), library.Image.Resampling.NEAREST), (left, top + head))
        canvas.text((left + width / 2, top + head / 2), titles[i], fill="black", font=font, anchor="mm")
    left = line // 2
    for handle in handles:
        color = tuple(round(255 * value) for value in handle.get_facecolor())
        below = rows * (height + head)
        canvas.rectangle((left, below + line // 4, left + line // 2, below + 3 * line // 4), fill=color)
        canvas.text((left + line, below + line / 2), handle.get_label(), fill="black", font=font, anchor="lm")
        left += line + round(canvas.textlength(handle.get_label(), font=font)) + line // 2
    return whole


def _write(picture: Any, path: Path, dpi: int) -> None:
    held = io.BytesIO()
    try:
        kind = pillow().Image.registered_extensions()[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            f"images are not written as {path.suffix or 'a file without a suffix'!r}", hint=".png is"
        ) from None
    (picture if kind == "PNG" else picture.convert("RGB")).save(held, kind, dpi=(dpi, dpi))
    with replacing(path) as file:
        file.write(held.getvalue())


def _show(picture: Any) -> None:
    try:
        from IPython import display, get_ipython
    except ImportError:
        picture.show()
        return
    if get_ipython() is None:
        picture.show()
    else:
        display.display(picture)


class LegendEntry:
    """An entry of a legend: a color and a text, with the two methods of a patch of matplotlib that galleries use."""

    def __init__(self, color: Color, label: str) -> None:
        self.color, self.label = color, label

    def get_facecolor(self) -> tuple[float, ...]:
        """Return red, green, blue and opacity, from 0 to 1."""
        return (*(value / 255 for value in self.color), 1.0)

    def get_label(self) -> str:
        """Return the text."""
        return self.label


def plot_bounding_box_gallery(
    images: object,
    bounding_box_format: str,
    y_true: dict[str, object] | None = None,
    y_pred: dict[str, object] | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: Color = (0, 188, 212),
    pred_color: Color = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[object] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Write or show a gallery of images with true and predicted boxes; see ``draw_bounding_boxes`` and ``plot_image_gallery``.

    Args:
        images: A batch.
        bounding_box_format: The format of the boxes.
        y_true: The true boxes: a dict of boxes and labels.
        y_pred: The predicted boxes, likewise.
        value_range: The values of black and white in the images.
        true_color: The color of true boxes.
        pred_color: The color of predicted boxes.
        line_thickness: The thickness of lines in pixels.
        font_scale: The size of letters.
        text_thickness: The thickness of their strokes; None for that of lines.
        class_mapping: The name of each label.
        ground_truth_mapping: The names of labels of true boxes, if they are others.
        prediction_mapping: The names of labels of predicted boxes, if they are others.
        legend: Whether a legend says which color is which.
        legend_handles: A legend of one's own.
        rows: The number of rows.
        cols: The number of columns.
        data_format: ``"channels_last"`` or ``"channels_first"``; None for the default.
        **kwargs: What else ``plot_image_gallery`` takes.
    """
    if legend and legend_handles:
        raise UsageError("plot_bounding_box_gallery takes legend or legend_handles, not both")
    drawn: Any = batch_of(images, data_format)
    given = (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    )
    for boxes, color, names in given:
        if boxes is not None:
            drawn = draw_bounding_boxes(
                drawn,
                boxes,
                bounding_box_format,
                names,
                color,
                line_thickness,
                text_thickness or 0,
                font_scale,
                "channels_last",
            )
            value_range = (0, 255)
    if legend:
        legend_handles = [LegendEntry(true_color, "Ground Truth"), LegendEntry(pred_color, "Prediction")]
    plot_image_gallery(
        drawn,
        value_range=value_range,
        legend_handles=legend_handles,
        rows=rows,
        cols=cols,
        data_format="channels_last",
        **kwargs,
    )


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Mapping[int, Color] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Write or show images, a row for each: the image, with its true mask, with its predicted mask; see ``plot_image_gallery``.

    Args:
        images: A batch.
        num_classes: The largest class that is drawn.
        value_range: The values of black and white in the images.
        y_true: The true masks, (batch, height, width, 1) or (batch, height, width).
        y_pred: The predicted masks.
        color_mapping: Red, green and blue for each class; None for colors of its own.
        blend: Whether the colors are mixed with the image.
        alpha: How much of the color there is in a pixel.
        ignore_index: The class that is not drawn.
        data_format: ``"channels_last"`` or ``"channels_first"``; None for the default.
        **kwargs: What else ``plot_image_gallery`` takes.
    """
    columns = [batch_of(images, data_format)]
    for masks in (y_true, y_pred):
        if masks is not None:
            whole = np.asarray(ops.convert_to_numpy(masks)).astype(np.int32)
            settings = (num_classes, color_mapping, alpha, blend, ignore_index)
            columns.append(
                draw_segmentation_masks(columns[0], batch_of(whole, data_format), *settings, "channels_last")
            )
    gallery = np.stack(columns, 1).reshape(-1, *columns[0].shape[1:])
    layout = {"rows": len(columns[0]), "cols": len(columns), "data_format": "channels_last", **kwargs}
    plot_image_gallery(gallery, value_range=value_range, **layout)
