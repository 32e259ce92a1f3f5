"""A folder with one subfolder of files per class: its files, their classes, and the parts for training and validation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from layercli.errors import FileError, UsageError

if TYPE_CHECKING:
    import numpy as np

LABELS = ("int", "categorical", "binary")
SUBSETS = ("training", "validation", "both")


@dataclass(frozen=True)
class LabelledFiles:
    """Files, each with the index of its class in ``class_names``."""

    files: tuple[Path, ...]
    classes: tuple[int, ...]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def part(self, places: Sequence[int]) -> Self:
        """Return the same with the files at these indices alone."""
        return replace(self, files=tuple(self.files[i] for i in places), classes=tuple(self.classes[i] for i in places))

    def halves(self, share: float, subset: str | None, seed: int | None) -> Any:
        """Return the subset that ``subset`` names, or both: the last ``share`` of a shuffled order is validation.

        Raises UsageError for another subset, a share that is not between 0 and 1, and a seed that is missing.
        """
        import numpy as np

        if subset not in SUBSETS:
            raise UsageError(f"subset is {', '.join(SUBSETS)}, got {subset!r}")
        if not 0 < share < 1:
            raise UsageError(f"validation_split must be between 0 and 1, got {share}")
        if seed is None:
            raise UsageError("validation_split needs a seed, so that the two subsets have no file in common")
        order = list(range(len(self)))
        np.random.RandomState(seed).shuffle(order)
        first = len(order) - int(share * len(order))
        parts = {"training": self.part(order[:first]), "validation": self.part(order[first:])}
        return tuple(parts.values()) if subset == "both" else parts[subset]

    def labels(self, places: Sequence[int], label_mode: str | None) -> np.ndarray | None:
        """Return the classes of the files at these indices: integers, one-hot rows, columns of 0 and 1, or None."""
        import numpy as np

        classes = [self.classes[i] for i in places]
        match label_mode:
            case "int":
                return np.array(classes, np.int64)
            case "binary":
                return np.array(classes, np.float32)[:, None]
            case "categorical":
                return np.eye(len(self.class_names), dtype=np.float32)[classes]
        return None


def find_labelled(
    directory: str | os.PathLike[str], endings: tuple[str, ...], what: str, class_names: Sequence[str] | None = None
) -> LabelledFiles:
    """Return the files with one of the ``endings`` below a folder; classes and files are sorted by name, or as ``class_names``.

    FileError if there are none, UsageError if ``class_names`` differ from the subfolders.
    """
    place = Path(directory)
    if not place.is_dir():
        raise FileError(f"{directory} is not a folder" if place.exists() else f"{directory} does not exist")
    found = sorted(entry.name for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not found:
        raise FileError(f"{directory} has no subfolders", hint=f"one for each class, with its {what} in it")
    names = list(class_names or found)
    if sorted(names) != found:
        raise UsageError(f"{directory} has the classes {', '.join(found)}, not {', '.join(names)}")
    pairs = [(file, number) for number, name in enumerate(names) for file in files_below(place / name, endings)]
    if not pairs:
        raise FileError(f"{directory} has no {what} in its subfolders", hint=f"{what} end in {', '.join(endings)}")
    files, classes = zip(*pairs, strict=True)
    return LabelledFiles(files, classes, tuple(names))


def files_below(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """Return files of a folder and its subfolders, sorted by path; hidden ones, such as macOS's ``._0.jpg``, are none."""
    found = (file for file in folder.rglob("*") if file.name.lower().endswith(endings))
    return sorted(file for file in found if not file.name.startswith(".") and file.is_file())


def check_labels(labels: object, label_mode: str | None) -> str | None:
    """Return the label mode that ``labels`` ("inferred" or None) and ``label_mode`` ask for; UsageError for others."""
    if labels not in ("inferred", None):
        raise UsageError(f"labels are 'inferred' from the subfolders, or None, got {labels!r}")
    if labels is not None and label_mode is not None and label_mode not in LABELS:
        raise UsageError(f"label_mode is {', '.join(LABELS)} or None, got {label_mode!r}")
    return None if labels is None else label_mode


def check_classes(folder: LabelledFiles, directory: object, label_mode: str | None) -> None:
    """Raise UsageError for the mode "binary" with another number of classes than two."""
    if label_mode == "binary" and len(folder.class_names) != 2:
        raise UsageError(f"label_mode binary is for 2 classes, {directory} has {len(folder.class_names)}")


def check_split(validation_split: float | None, subset: str | None) -> None:
    """Raise UsageError where one of the two is given without the other."""
    if (validation_split is None) != (subset is None):
        raise UsageError("validation_split and subset go together: give both or none")
