"""A folder with one subfolder of images per class, as a labelled dataset that is read lazily."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layercli.errors import UsageError, nearest
from layercli.formats.images import ENDINGS, check_channels, pixels
from layercli.formats.labelled_folder import LabelledFiles, check_classes, check_labels, check_split, find_labelled

if TYPE_CHECKING:
    import numpy as np

MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}
READERS = 4
"""The number of images read at a time."""


@dataclass(frozen=True)
class ImageFolder(LabelledFiles):
    """Image files, each with the index of its class in ``class_names``; iteration yields batches.

    ``read`` returns the images at some indices as float32[images, height, width, channels] from ``low`` to ``high``, and
    their labels: integers, one-hot rows (``categorical``), columns of 0 and 1 (``binary``), or None.
    """

    size: tuple[int | None, int | None]
    channels: int = 3
    label_mode: str | None = "int"
    batch_size: int = 32
    shuffle: bool = False
    seed: int | None = None
    low: float = 0.0
    high: float = 255.0

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        import numpy as np

        places = np.random.default_rng(self.seed).permutation(len(self)) if self.shuffle else np.arange(len(self))
        for start in range(0, len(self), self.batch_size):
            yield self.read(places[start : start + self.batch_size].tolist())

    def read(self, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the images at these indices and their labels; UsageError if their sizes differ."""
        import numpy as np

        with ThreadPoolExecutor(READERS) as pool:
            found = list(pool.map(lambda i: pixels(self.files[i], self.size, self.channels), places))
        if len({array.shape for array in found}) > 1:
            raise UsageError("the images are of different sizes, and the model takes any", hint="give them one size")
        images = np.stack(found).astype(np.float32)
        if (self.low, self.high) != (0.0, 255.0):
            images = self.low + images * np.float32((self.high - self.low) / 255)
        return images, self.labels(places, self.label_mode)


def open_folder(
    path: str | os.PathLike[str],
    size: tuple[int | None, int | None],
    channels: int = 3,
    class_names: Sequence[str] | None = None,
    **settings: Any,
) -> ImageFolder:
    """Return the images below ``path``; classes and files are sorted by name, or classes ordered as ``class_names``.

    FileError if there are none, UsageError if ``class_names`` differ from the subfolders.
    """
    check_channels(channels)
    found = find_labelled(path, ENDINGS, "images", class_names)
    return ImageFolder(found.files, found.classes, found.class_names, size, channels, **settings)


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return the images in the subfolders of ``directory``, one per class, to iterate over or to pass to fit.

    They are float32 from 0 to 255, (height, width, channels) with 1, 3 or 4 channels for ``color_mode`` grayscale, rgb or
    rgba, resized to ``image_size`` (bilinear with antialiasing), and read batch by batch. ``label_mode`` is int (for a sparse
    crossentropy), categorical, binary or None. ``validation_split`` of them, selected by ``seed`` as in Keras, are the
    ``subset`` validation, the others training; ``both`` returns the two. fit and evaluate use their own ``batch_size`` and
    order. ``labels`` is "inferred" (from the subfolders) or None for images alone; ``format`` and ``verbose`` change nothing.
    Raises UsageError for other settings, FileError for a folder that cannot be read.
    """
    others = {
        "interpolation": (interpolation, "bilinear"),
        "follow_links": (follow_links, False),
        "crop_to_aspect_ratio": (crop_to_aspect_ratio, False),
        "pad_to_aspect_ratio": (pad_to_aspect_ratio, False),
        "data_format": (data_format or "channels_last", "channels_last"),
    }
    for name, (given, taken) in others.items():
        if given != taken:
            raise UsageError(f"image_dataset_from_directory takes {name}={taken!r} only, got {given!r}")
    label_mode = check_labels(labels, label_mode)
    if color_mode not in MODES:
        raise UsageError(f"color_mode is {', '.join(MODES)}, got {color_mode!r}", hint=nearest(color_mode, list(MODES)))
    settings = {"label_mode": label_mode, "batch_size": batch_size, "shuffle": shuffle, "seed": seed}
    folder = open_folder(directory, image_size, MODES[color_mode], class_names, **settings)
    check_classes(folder, directory, label_mode)
    check_split(validation_split, subset)
    return folder if validation_split is None else folder.halves(validation_split, subset, seed)
