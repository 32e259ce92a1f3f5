"""The ``.keras`` archive with its config as Keras 3 has it, whatever version wrote it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layercli.core.types import ConfigLike
from layercli.formats import keras_archive
from layercli.formats.keras_archive import Archive


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Give the archive at ``path``; FormatError where it is none, or holds a member twice."""
    with keras_archive.opened(path) as archive:
        archive.config = of_keras_3(archive.config, archive.major)
        yield archive


def config_in(path: str | os.PathLike[str]) -> Any:
    """Return the config in the archive at ``path``, its weights left alone; FormatError as ``opened``."""
    return of_keras_3(*keras_archive.config_in(path))


def of_keras_3(config: ConfigLike, major: int) -> Any:
    """Return the config that version ``major`` of Keras wrote as Keras 3 has it."""
    if major == 3:
        return config
    from layercli.saving.legacy_compile_config import compile_config
    from layercli.saving.legacy_keras_config import converted

    found = converted(config)
    if isinstance(found, dict) and isinstance(found.get("compile_config"), dict):
        found["compile_config"] = compile_config(found["compile_config"], found)
    return found
