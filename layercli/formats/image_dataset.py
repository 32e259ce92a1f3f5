"""A folder with one subfolder of images per class, as a labelled dataset that is read lazily."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli import config, ops
from layercli.dataclass import dataclass
from layercli.errors import UsageError, nearest
from layercli.formats.images import ENDINGS, check_channels, pixels
from layercli.formats.labelled_folder import FolderArguments, LabelledFiles, find_labelled
from layercli.ops.image.resize import check_interpolation

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
    batch_size: int | None = 32
    shuffle: bool = False
    seed: int | None = None
    low: float = 0.0
    high: float = 255.0
    resizing: Mapping[str, Any] | None = None
    """How ``ops.image.resize`` fits the images; None for Pillow's bilinear with antialiasing."""

    def __iter__(self) -> Iterator[object]:
        import numpy as np

        places = np.random.default_rng(self.seed).permutation(len(self)) if self.shuffle else np.arange(len(self))
        for start in range(0, len(self), self.batch_size or 1):
            x, y = self.read(places[start : start + (self.batch_size or 1)].tolist())
            if self.batch_size is None:
                x, y = x[0], None if y is None else y[0]
            yield x if y is None else (x, y)

    @property
    def file_paths(self) -> list[str]:
        """The paths of the files."""
        return list(map(str, self.files))

    def fitted(self, file: Path) -> np.ndarray:
        """Return the pixels of a file, resized."""
        if self.resizing is None:
            return pixels(file, self.size, self.channels)
        import numpy as np

        found = pixels(file, (None, None), self.channels).astype(np.float32)
        if self.resizing["data_format"] == "channels_first":
            found = found.transpose(2, 0, 1)
        size = [length for length in self.size if length is not None]
        return ops.convert_to_numpy(ops.image.resize(found, size, **self.resizing))  # type: ignore[no-any-return]

    def read(self, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the images at these indices and their labels; UsageError if their sizes differ."""
        import numpy as np

        with ThreadPoolExecutor(READERS) as pool:
            found = list(pool.map(lambda i: self.fitted(self.files[i]), places))
        if len({array.shape for array in found}) > 1:
            raise UsageError("the images are of different sizes, and the model takes any", hint="give them one size")
        images = np.stack(found).astype(np.float32)
        if (self.low, self.high) != (0.0, 255.0):
            images = self.low + images * np.float32((self.high - self.low) / 255)
        return images, self.labels(places, self.label_mode)


def open_folder(path: str | os.PathLike[str], size: tuple[int | None, int | None], channels: int = 3) -> ImageFolder:
    """Return the images in the subfolders of ``path``, one per class; classes and files are sorted by name. FileError if none."""
    check_channels(channels)
    found = find_labelled(path, ENDINGS, "images")
    return ImageFolder(found.files, found.classes, found.class_names, size, channels)


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: object = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
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
) -> object:
    """Return the images in the subfolders of ``directory``, one per class, to iterate over or to pass to fit.

    They are float32 from 0 to 255, (height, width, channels) with 1, 3 or 4 channels for ``color_mode`` grayscale, rgb or rgba,
    read batch by batch, one by one for a ``batch_size`` of None. ``ops.image.resize`` resizes them to ``image_size`` with
    ``interpolation``, ``crop_to_aspect_ratio``, ``pad_to_aspect_ratio`` and ``data_format``. ``labels`` are "inferred" from the
    subfolders, None for images alone, or integers, one for each file in the order of the paths; ``label_mode`` is int (for a sparse
    crossentropy), categorical, binary or None. ``validation_split`` of them, selected by ``seed`` as in Keras, are the ``subset``
    validation, the others training; ``both`` returns the two. fit and evaluate use their own ``batch_size`` and order. ``format``
    changes nothing; ``verbose`` prints how many files there are. Raises UsageError for settings that do not fit, FileError for a
    folder that cannot be read.
    """
    if color_mode not in MODES:
        raise UsageError(f"color_mode is {', '.join(MODES)}, got {color_mode!r}", hint=nearest(color_mode, list(MODES)))
    if format not in ("tf", "grain"):
        raise UsageError(f"format is tf or grain, got {format!r}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise UsageError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
    check_interpolation(interpolation, "image_dataset_from_directory")
    resizing = {
        "interpolation": interpolation,
        "crop_to_aspect_ratio": crop_to_aspect_ratio,
        "pad_to_aspect_ratio": pad_to_aspect_ratio,
        "data_format": data_format or config.image_data_format(),
    }
    given = FolderArguments(labels, label_mode, class_names, seed, validation_split, subset, follow_links, verbose)

    def made(part: LabelledFiles, mode: str | None) -> ImageFolder:
        held = part.files, part.classes, part.class_names
        return ImageFolder(*held, image_size, MODES[color_mode], mode, batch_size, shuffle, seed, resizing=resizing)

    return given.datasets(directory, ENDINGS, "images", made)
