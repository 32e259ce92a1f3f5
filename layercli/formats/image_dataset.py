"""A folder with one subfolder of images per class, as a labelled dataset that is read lazily."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.errors import FileError, UsageError, nearest
from layercli.formats.images import ENDINGS, check_channels, pixels

if TYPE_CHECKING:
    import numpy as np

MODES = {"grayscale": 1, "rgb": 3, "rgba": 4}
LABELS = ("int", "categorical", "binary")
SUBSETS = ("training", "validation", "both")
READERS = 4
"""The number of images read at a time."""


@dataclass(frozen=True)
class ImageFolder:
    """Image files, each with the index of its class in ``class_names``; iteration yields batches.

    ``read`` returns the images at some indices as float32[images, height, width, channels] from ``low`` to ``high``, and
    their labels: integers, one-hot rows (``categorical``), columns of 0 and 1 (``binary``), or None.
    """

    files: tuple[Path, ...]
    classes: tuple[int, ...]
    class_names: tuple[str, ...]
    size: tuple[int | None, int | None]
    channels: int = 3
    label_mode: str | None = "int"
    batch_size: int = 32
    shuffle: bool = False
    seed: int | None = None
    low: float = 0.0
    high: float = 255.0

    def __len__(self) -> int:
        return len(self.files)

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
        return images, self._labels([self.classes[i] for i in places])

    def part(self, places: Sequence[int]) -> ImageFolder:
        """Return the folder restricted to the images at these indices."""
        return replace(self, files=tuple(self.files[i] for i in places), classes=tuple(self.classes[i] for i in places))

    def _labels(self, classes: list[int]) -> np.ndarray | None:
        import numpy as np

        match self.label_mode:
            case "int":
                return np.array(classes, np.int64)
            case "binary":
                return np.array(classes, np.float32)[:, None]
            case "categorical":
                return np.eye(len(self.class_names), dtype=np.float32)[classes]
        return None


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
    place = Path(path)
    if not place.is_dir():
        raise FileError(f"{path} is not a folder" if place.exists() else f"{path} does not exist")
    found = sorted(entry.name for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not found:
        raise FileError(f"{path} has no subfolders", hint="one for each class, with its images in it")
    names = list(class_names or found)
    if sorted(names) != found:
        raise UsageError(f"{path} has the classes {', '.join(found)}, not {', '.join(names)}")
    pairs = [(file, number) for number, name in enumerate(names) for file in images_below(place / name)]
    if not pairs:
        raise FileError(f"{path} has no images in its subfolders", hint=f"images end in {', '.join(ENDINGS)}")
    files, classes = zip(*pairs, strict=True)
    return ImageFolder(files, classes, tuple(names), size, channels, **settings)


def images_below(folder: Path) -> list[Path]:
    """Return the images in a folder and its subfolders, sorted by path; hidden files, such as macOS's ``._0.jpg``, are none."""
    found = (file for file in folder.rglob("*") if file.name.lower().endswith(ENDINGS))
    return sorted(file for file in found if not file.name.startswith(".") and file.is_file())


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
    if labels not in ("inferred", None):
        raise UsageError(f"labels are 'inferred' from the subfolders, or None, got {labels!r}")
    label_mode = None if labels is None else label_mode
    if color_mode not in MODES:
        raise UsageError(f"color_mode is {', '.join(MODES)}, got {color_mode!r}", hint=nearest(color_mode, list(MODES)))
    if label_mode is not None and label_mode not in LABELS:
        raise UsageError(f"label_mode is {', '.join(LABELS)} or None, got {label_mode!r}")
    settings = {"label_mode": label_mode, "batch_size": batch_size, "shuffle": shuffle, "seed": seed}
    folder = open_folder(directory, image_size, MODES[color_mode], class_names, **settings)
    if label_mode == "binary" and len(folder.class_names) != 2:
        raise UsageError(f"label_mode binary is for 2 classes, {directory} has {len(folder.class_names)}")
    if (validation_split is None) != (subset is None):
        raise UsageError("validation_split and subset go together: give both or none")
    return folder if validation_split is None else halves(folder, validation_split, subset, seed)


def halves(folder: ImageFolder, share: float, subset: str | None, seed: int | None) -> Any:
    """Return the subset of a folder that ``subset`` names, or both: the last ``share`` of a shuffled order is validation."""
    import numpy as np

    if subset not in SUBSETS:
        raise UsageError(f"subset is {', '.join(SUBSETS)}, got {subset!r}")
    if not 0 < share < 1:
        raise UsageError(f"validation_split must be between 0 and 1, got {share}")
    if seed is None:
        raise UsageError("validation_split needs a seed, so that the two subsets have no image in common")
    order = list(range(len(folder)))
    np.random.RandomState(seed).shuffle(order)
    held = int(share * len(order))
    parts = {"training": folder.part(order[: len(order) - held]), "validation": folder.part(order[len(order) - held :])}
    return tuple(parts.values()) if subset == "both" else parts[subset]
