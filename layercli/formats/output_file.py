"""The target of a run's results: a file whose suffix gives the format, or standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from layercli.core.text import is_text
from layercli.dataclass import dataclass
from layercli.errors import FileError, UsageError
from layercli.formats import csv, json_arrays, npy, npz, safetensors
from layercli.formats.locks import locked

if TYPE_CHECKING:
    import numpy as np

STANDARD_OUTPUT = "-"
ENDINGS = (".npy", ".npz", ".safetensors", ".json", ".jsonl", ".csv")

OF_TEXT = (".json", ".jsonl", ".csv")
OF_SEVERAL = (".npz", ".safetensors", ".json", ".jsonl")


def ending(path: str) -> str:
    """Return the suffix of a file's name in lower case, which gives its format."""
    return Path(path).suffix.lower()


def check_target(path: str, *, force: bool = False) -> None:
    """Reject a target that cannot be written, before anything is computed."""
    if path == STANDARD_OUTPUT:
        return
    if ending(path) not in ENDINGS:
        raise UsageError(f"outputs are written to {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, not {path!r}")
    check_place(path, force=force)


def check_place(path: str, *, force: bool = False) -> None:
    """Reject an existing file without ``force``, or a missing folder."""
    target = Path(path)
    if target.is_dir():
        raise FileError(f"{path} is a folder, not a file")
    real = Path(os.path.realpath(path))  # Path.resolve raises RuntimeError for a link to itself
    if real.is_symlink():
        raise FileError(f"cannot write {path}: its symbolic links lead in a circle")
    folder = real.parent
    if not folder.is_dir():
        shown = folder if target.is_symlink() else target.parent
        raise FileError(f"there is no folder {shown} to write {target.name} in")
    if target.exists() and not target.is_file():
        raise FileError(f"{path} is not a regular file")
    if target.exists() and not force:
        raise FileError(f"{path} exists already", hint="--force overwrites it")


@contextmanager
def claimed(path: str, *, force: bool = False) -> Iterator[None]:
    """Lock ``path`` against other processes; then check it again like ``check_place``."""
    with locked(path):
        check_place(path, force=force)
        yield


@dataclass(frozen=True)
class Result:
    """What a format must be able to hold of a result: whether it is text, and its number of axes."""

    text: bool
    axes: int


def check_several(path: str, source: str) -> None:
    """Reject a target that holds a single result where ``source`` gives several."""
    if ending(path) not in OF_SEVERAL:
        raise UsageError(f"{source} gives several results: write them to a .npz, a .safetensors or a .json")


def check_results(path: str, results: Mapping[str, Result], source: str) -> None:
    """Reject results of ``source`` that the format of ``path`` cannot hold: text among numbers, several, more than two axes."""
    suffix = ending(path)
    text = next((name for name, result in results.items() if result.text), None)
    if text is not None and suffix not in OF_TEXT:
        raise UsageError(
            f"{path} would hold numbers, and {text} of {source} is text", hint="write it to a .json or a .csv"
        )
    if suffix in OF_SEVERAL:
        return
    if len(results) != 1:
        raise UsageError(f"{source} has {len(results)} results: write them to a .npz, a .safetensors or a .json")
    if suffix == ".csv":
        csv.check_axes(next(iter(results.values())).axes)


def save(path: str, arrays: dict[str, np.ndarray], source: str) -> None:
    """Write the results of ``source`` atomically: one array as npy or csv, several by name as npz, safetensors or json."""
    suffix = ending(path)
    check_results(path, {name: Result(is_text(array), array.ndim) for name, array in arrays.items()}, source)
    if suffix == ".npz":
        npz.save_npz(path, arrays)
    elif suffix == ".safetensors":
        safetensors.save(path, arrays)
    elif suffix in json_arrays.ENDINGS:
        json_arrays.save_json(path, arrays)
    else:
        save_one(path, next(iter(arrays.values())))


def save_one(path: str, array: np.ndarray) -> None:
    """Write one array as csv, npy, or npy bytes on standard output."""
    if path == STANDARD_OUTPUT:
        npy.write_array(
            SimpleNamespace(write=sys.stdout.buffer.write), array
        )  # numpy asks a file where it is; pipes are nowhere
        sys.stdout.buffer.flush()
    elif ending(path) == ".csv":
        csv.save_csv(path, array)
    else:
        npy.save_npy(path, array)
