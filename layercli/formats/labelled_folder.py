"""A folder with one subfolder of files per class: its files, their classes, and the parts for training and validation."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from layercli.dataclass import dataclass
from layercli.errors import FileError, MissingFileError, UsageError, listed

if TYPE_CHECKING:
    import numpy as np

LABELS = ("int", "categorical", "binary")
SUBSETS = ("training", "validation", "both")


@dataclass(frozen=True)
class LabelledFiles:
    """Files, each with the index of its class in ``class_names``."""

    files: tuple[Path, ...]
    classes: tuple[int, ...]
    class_names: list[str]

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
    directory: str | os.PathLike[str],
    endings: tuple[str, ...],
    what: str,
    class_names: Sequence[str] | None = None,
    labels: Any = "inferred",
    follow_links: bool = False,
) -> LabelledFiles:
    """Return the files with one of the ``endings`` below a folder; classes and files are sorted by name, or as ``class_names``.

    ``class_names`` may be a part of the subfolders. ``labels`` are "inferred" from the subfolders, or None for files without any,
    or integers, one for each file in the order of the paths. FileError if there are none, UsageError if ``class_names`` are others
    than the subfolders, and for another number of labels.
    """
    place = Path(directory)
    if not place.exists():
        raise MissingFileError(f"{directory} does not exist")
    if not place.is_dir():
        raise FileError(f"{directory} is not a folder")
    if not isinstance(labels, str):
        return with_labels(directory, files_below(place, endings, follow_links), what, labels, class_names)
    found = sorted(entry.name for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not found:
        raise FileError(f"{directory} has no subfolders", hint=f"one for each class, with its {what} in it")
    names = list(class_names or found)
    if not set(names) <= set(found):
        raise UsageError(f"{directory} has the classes {listed(found)}, not {listed(names)}")
    pairs = [
        (file, number) for number, name in enumerate(names) for file in files_below(place / name, endings, follow_links)
    ]
    if not pairs:
        raise FileError(f"{directory} has no {what} in its subfolders", hint=f"{what} end in {', '.join(endings)}")
    files, classes = zip(*pairs, strict=True)
    return LabelledFiles(files, classes, names)


def with_labels(
    directory: object, files: list[Path], what: str, labels: Sequence[Any] | None, class_names: Sequence[str] | None
) -> LabelledFiles:
    """Return files with the labels that are given, or without any."""
    if class_names is not None:
        raise UsageError("class_names are those of the subfolders: give them with labels='inferred'")
    if not files:
        raise FileError(f"{directory} has no {what}")
    if labels is None:
        return LabelledFiles(tuple(files), (0,) * len(files), [""])
    if len(labels) != len(files):
        raise UsageError(f"{directory} has {len(files)} files of {what}, got {len(labels)} labels")
    names = sorted({str(label) for label in labels})
    return LabelledFiles(tuple(files), tuple(int(label) for label in labels), names)


def files_below(folder: Path, endings: tuple[str, ...], follow_links: bool = False) -> list[Path]:
    """Return files of a folder and its subfolders, sorted by path; hidden ones, such as macOS's ``._0.jpg``, are none.

    With ``follow_links`` also those in folders that links lead to, each folder once.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=follow_links):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        found += [Path(place, name) for name in names if name.lower().endswith(endings) and not name.startswith(".")]
    return sorted(file for file in found if file.is_file())


@dataclass(frozen=True)
class FolderArguments:
    """The arguments that all ``..._dataset_from_directory`` share: which files of a folder are used, and how they are labelled."""

    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool

    def datasets(
        self,
        directory: str | os.PathLike[str],
        endings: tuple[str, ...],
        what: str,
        made: Callable[[LabelledFiles, str | None], Any],
    ) -> object:
        """Return what ``made`` makes of the files with these ``endings`` and the label mode, or a pair of a split in two.

        UsageError for arguments that do not fit, FileError for a folder without such files.
        """
        label_mode = self.checked_mode()
        if (self.validation_split is None) != (self.subset is None):
            raise UsageError("validation_split and subset go together: give both or none")
        found = find_labelled(directory, endings, what, self.class_names, self.labels, self.follow_links)
        if label_mode == "binary" and len(found.class_names) != 2:
            raise UsageError(f"label_mode binary is for 2 classes, {directory} has {len(found.class_names)}")
        parts: Any = found
        if self.validation_split is not None:
            parts = found.halves(self.validation_split, self.subset, self.seed)
        if self.verbose:
            self.report(found)
        return tuple(made(part, label_mode) for part in parts) if self.subset == "both" else made(parts, label_mode)

    def checked_mode(self) -> str | None:
        """Return the label mode, None for files without labels; UsageError for labels or a mode that there are not."""
        labels, mode = self.labels, self.label_mode
        if labels is not None and labels != "inferred" and not isinstance(labels, (list, tuple)):
            raise UsageError(f"labels are 'inferred' from the subfolders, a list of integers, or None, got {labels!r}")
        if labels is not None and mode is not None and mode not in LABELS:
            raise UsageError(f"label_mode is {', '.join(LABELS)} or None, got {mode!r}")
        return None if labels is None else mode

    def report(self, found: LabelledFiles) -> None:
        """Print how many files there are, of how many classes, and how many of them are used, as Keras does."""
        classes = "" if self.labels is None else f" belonging to {len(found.class_names)} classes"
        print(f"Found {len(found)} files{classes}.")
        if self.validation_split is not None:
            held = int(self.validation_split * len(found))
            counts = {"training": len(found) - held, "validation": held}
            for name in counts if self.subset == "both" else [name for name in counts if name == self.subset]:
                print(f"Using {counts[name]} files for {name}.")
