"""A file that holds a whole Keras model, recognised by its content: a ``.keras`` archive, or HDF5 with the model's config."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from layercli.formats import detect, keras_h5
from layercli.formats.keras_archive import Archive
from layercli.saving import keras_archive, legacy_h5


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """Return whether the file at ``path`` begins as HDF5 does."""
    return detect.first_bytes(Path(path)).startswith(detect.HDF5)


def require_archive(file: Path) -> None:
    """Raise DamagedFileError for a file named .h5 that is neither HDF5 nor an archive."""
    start = detect.first_bytes(file)
    if file.suffix in detect.H5_NAMES and not start.startswith(b"PK"):
        raise detect.unreadable(file, start)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Give the config, as Keras 3 has it, and the weights of the model at ``path``; FormatError where it holds none."""
    file = Path(path)
    if not is_hdf5(file):
        require_archive(file)
        with keras_archive.opened(file) as archive:
            yield archive
        return
    with keras_h5.opened(file) as groups:
        yield Archive(file, legacy_h5.config_of(file, groups), groups)


def config_in(path: str | os.PathLike[str]) -> Any:
    """Return the config of the model at ``path``, its weights left alone; FormatError as ``opened``."""
    file = Path(path)
    if not is_hdf5(file):
        require_archive(file)
        return keras_archive.config_in(file)
    with keras_h5.opened(file) as groups:
        return legacy_h5.config_of(file, groups)
