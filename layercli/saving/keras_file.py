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


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Give the config, as Keras 3 has it, and the weights of the model at ``path``; FormatError where it holds none."""
    file = Path(path)
    if not is_hdf5(file):
        with keras_archive.opened(file) as archive:
            yield archive
        return
    with keras_h5.opened(file) as groups:
        yield Archive(file, legacy_h5.config_of(file, groups), groups)


def config_in(path: str | os.PathLike[str]) -> Any:
    """Return the config of the model at ``path``, its weights left alone; FormatError as ``opened``."""
    file = Path(path)
    if not is_hdf5(file):
        return keras_archive.config_in(file)
    with keras_h5.opened(file) as groups:
        return legacy_h5.config_of(file, groups)
