"""What files of models say beside their tensors: who wrote them, and what the writer noted. Nothing in them is executed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from layercli.core.limits import DESCRIPTION
from layercli.core.types import JSONObject
from layercli.errors import FormatError
from layercli.formats import detect, strict_json
from layercli.formats.os_errors import reading

DEEPEST = 16
"""The maximum nesting of metadata."""


def metadata_of(path: str | os.PathLike[str]) -> JSONObject:
    """Return the metadata of a file, or of a Hugging Face folder, by key; nested ones have keys with ``/`` between.

    FileError if it cannot be read, FormatError if it is damaged. There is none of most formats.
    """
    file = Path(path)
    if file.is_dir():
        config = file / "config.json"
        return flat(of_json(config)) if config.is_file() else {}
    start = detect.first_bytes(file)
    if start.lstrip().startswith(b"{") and not detect.has_header(start):
        return flat(of_json(file, but="weight_map"))
    reader = READERS.get(str(detect.kind(file, start)))
    return {} if reader is None else flat(reader(file))


def flat(found: object, before: str = "", depth: int = 0) -> dict[str, Any]:
    """Return nested dicts as one, their keys joined with ``/``.

    >>> flat({"a": {"b": 1}, "c": [2, 3]})
    {'a/b': 1, 'c': [2, 3]}
    """
    if not isinstance(found, dict) or not found or depth > DEEPEST:
        return {before: found} if before else {}
    names = {key: f"{before}/{key}" if before else str(key) for key in found}
    return {name: value for key, at in names.items() for name, value in flat(found[key], at, depth + 1).items()}


def of_json(file: Path, but: str = "") -> object:
    """Return a JSON file, of an object all ``but`` one member."""
    with reading(file):
        DESCRIPTION.check(str(file), file.stat().st_size)
        found = strict_json.parse(file, file.read_bytes(), "an object")
    return {key: value for key, value in found.items() if key != but} if isinstance(found, dict) else {}


def of_safetensors(file: Path) -> dict[str, str]:
    """Return the strings under ``__metadata__``."""
    from layercli.formats.safetensors import SafetensorsFile

    return dict(SafetensorsFile(file).metadata)


def of_gguf(file: Path) -> dict[str, object]:
    """Return the keys of a GGUF file."""
    from layercli.formats.gguf import GgufFile
    from layercli.formats.gguf_metadata import metadata_of

    return metadata_of(GgufFile(file))


def of_onnx(file: Path) -> dict[str, Any]:
    """Return who produced an ONNX model, its versions, and its own properties."""
    from layercli.formats.onnx import load

    model = load(file)
    fields = ("producer_name", "producer_version", "domain", "model_version", "doc_string", "ir_version")
    found = {name: value for name in fields if (value := getattr(model, name))}
    found |= {f"opset/{each.domain or 'ai.onnx'}": each.version for each in model.opset_import}
    return found | {each.key: each.value for each in model.metadata_props}


def of_keras(file: Path) -> dict[str, object]:
    """Return the version of Keras that wrote an archive, and when; of one that is HDF5 what that notes."""
    from layercli.formats.keras_archive import metadata_in

    return of_hdf5(file) if detect.first_bytes(file).startswith(detect.HDF5) else metadata_in(file)


def of_hdf5(file: Path) -> dict[str, object]:
    """Return the attributes of the root that are numbers or texts; configs as the objects that they are."""
    from layercli.formats import keras_h5

    with keras_h5.opened(file) as groups:
        return {name: attribute(file, value) for name, value in groups.file.attrs.items() if is_plain(value)}


def is_plain(value: object) -> bool:
    """Whether an attribute is a number or a text."""
    return isinstance(value, (str, bytes)) or getattr(value, "ndim", None) == 0


def attribute(file: Path, value: object) -> object:
    """Return the value of an attribute: a number, a text, or the object in a text of JSON."""
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    if isinstance(value, str) and value.startswith("{"):
        try:
            return strict_json.parse(file, value.encode(), "an attribute")
        except FormatError:
            return value
    return value.item() if hasattr(value, "item") else value


def of_torch(file: Path) -> dict[str, Any]:
    """Return what a checkpoint holds beside tensors: hyperparameters, the epoch, versions; not the state of optimizers."""
    return dict(getattr(detect.open_single(file), "metadata", {}))


READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "safetensors": of_safetensors,
    "gguf": of_gguf,
    "onnx": of_onnx,
    "keras": of_keras,
    "h5": of_hdf5,
    "torch": of_torch,
    "old-torch": of_torch,
}
