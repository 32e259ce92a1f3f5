"""The ``.keras`` archive: ``metadata.json``, ``config.json``, ``model.weights.h5`` and files below ``assets``, stored in a zip."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from layercli.core.limits import DESCRIPTION, EXPANSION
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats import keras_h5, keras_h5_writer, strict_json
from layercli.formats.atomic import replacing
from layercli.formats.file_window import FileWindow
from layercli.formats.zip_archive import archive, member_start

KERAS_VERSION = "3.15.1"
"""The version whose format is written."""
METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets"
ALWAYS_READ = 1 << 20
"""So many bytes are read however well they are compressed."""


def write(
    path: str | os.PathLike[str],
    config: Mapping[str, object],
    groups: keras_h5_writer.Groups,
    assets: Mapping[str, Mapping[str, bytes]] | None = None,
) -> None:
    """Write a model's config, weights and files as the archive ``path``, whole or not at all.

    ``assets`` are for each path of a layer its files by name.
    """
    weights = keras_h5_writer.image_of(groups)
    saved = {"keras_version": KERAS_VERSION, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
    with replacing(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as zipped:
        zipped.writestr(METADATA, json.dumps(saved))
        zipped.writestr(CONFIG, json.dumps(config))
        zipped.writestr(WEIGHTS, weights)
        for place, files in (assets or {}).items():
            for name, content in files.items():
                zipped.writestr("/".join(filter(None, (ASSETS, place, name))), content)


@dataclass
class Archive:
    """An open archive: its config, its weights, and its zip."""

    file: Path
    config: Any
    weights: keras_h5.H5Groups
    major: int = 3
    zipped: zipfile.ZipFile | None = None

    def assets(self, place: str) -> dict[str, bytes]:
        """Return the files of the layer at a path, by name; FormatError for one that is there twice, or too long."""
        if self.zipped is None:
            return {}
        folder = f"{ASSETS}/{place}/" if place else f"{ASSETS}/"
        found: dict[str, bytes] = {}
        for info in self.zipped.infolist():
            name = info.filename.removeprefix(folder)
            if not info.filename.startswith(folder) or not name or "/" in name:
                continue
            if name in found:
                raise FormatError(f"{self.file} holds {info.filename} twice")
            check_size(self.file, info)
            found[name] = self.zipped.read(info)
        return found


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Give the archive at ``path``; FormatError where it is none, or holds a member twice."""
    file = Path(path)
    with archive(file) as zipped:
        config = _config(file, zipped)
        info = zipped.getinfo(WEIGHTS)
        if info.compress_type != zipfile.ZIP_STORED:
            text = f"{file} has weights that are compressed, which a .keras file's never are"
            raise FormatError(text, code="unreadable")
        window = FileWindow(file, member_start(file, info), info.file_size)
        with (
            io.BufferedReader(window) as stream,
            keras_h5.opened(file, stream, info.file_size <= keras_h5.SMALL) as groups,
        ):
            groups.major = major(zipped)
            yield Archive(file, config, groups, groups.major, zipped)


def config_in(path: str | os.PathLike[str]) -> tuple[Any, int]:
    """Return the config in the archive at ``path``, and the major version of the Keras that wrote it; FormatError as ``opened``."""
    file = Path(path)
    with archive(file) as zipped:
        return _config(file, zipped), major(zipped)


def metadata_in(path: str | os.PathLike[str]) -> dict[str, object]:
    """Return the metadata in the archive at ``path``, empty where it has none; FormatError as ``opened``."""
    file = Path(path)
    with archive(file) as zipped:
        if METADATA not in zipped.namelist():
            return {}
        check_size(file, zipped.getinfo(METADATA))
        found = strict_json.parse(file, zipped.read(METADATA), "metadata")
    return found if isinstance(found, dict) else {}


def _config(file: Path, zipped: zipfile.ZipFile) -> object:
    names = zipped.namelist()
    for name in (CONFIG, WEIGHTS):
        if names.count(name) != 1:
            fault = "twice" if name in names else "no"
            raise FormatError(f"{file} holds {fault} {name}" if fault == "no" else f"{file} holds {name} twice")
    check_size(file, zipped.getinfo(CONFIG))
    return strict_json.parse(file, zipped.read(CONFIG), "a config")


def check_size(file: Path, info: zipfile.ZipInfo) -> None:
    """Raise FormatError for a member that is too long, or that is much longer than what the file has for it."""
    DESCRIPTION.check(f"{file}: {info.filename}", info.file_size)
    if info.file_size > max(ALWAYS_READ, EXPANSION.value * info.compress_size):
        raise EXPANSION.exceeded(
            f"{file}: {info.filename} has {info.file_size:,} bytes, compressed to {info.compress_size:,}: it grows "
            f"{info.file_size // max(info.compress_size, 1):,} times"
        )


def major(zipped: zipfile.ZipFile) -> int:
    """Return 2 where tf.keras wrote an archive, whose config and weights have other names in places, else 3."""
    if METADATA not in zipped.namelist():
        return 3
    check_size(Path(zipped.filename or ""), zipped.getinfo(METADATA))
    try:
        found = json.loads(zipped.read(METADATA))
    except (ValueError, RecursionError):
        return 3
    return 2 if isinstance(found, dict) and str(found.get("keras_version")).startswith("2.") else 3
