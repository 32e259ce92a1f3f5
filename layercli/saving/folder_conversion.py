"""A Hugging Face folder made of another, or of weights beside a config.json: safetensors files and copies of the small files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from layercli.errors import FileError, FormatError, UsageError
from layercli.formats import strict_json
from layercli.formats.atomic import replacing, staged_folder
from layercli.formats.os_errors import reading
from layercli.formats.weight_file import WeightFile
from layercli.saving.conversion import convert
from layercli.saving.conversion_result import Conversion, ConversionOptions

CONFIG, WEIGHTS = "config.json", "model.safetensors"
COPIED = (".json", ".jsonl", ".txt", ".model", ".jinja", ".md")
"""How the files end that are copied: configs, tokenizers, chat templates, the model card; code never is."""
LARGEST = 100_000_000
DTYPE_KEYS = ("dtype", "torch_dtype")


def is_folder(target: str) -> bool:
    """Return whether a target is a folder: there is one, or its name ends in a slash."""
    return target.endswith(os.sep) or os.path.isdir(target)


def convert_to_folder(file: WeightFile, target: str, options: ConversionOptions) -> Conversion:
    """Write the tensors of ``file`` and the config beside it to the folder ``target``, whole or not at all."""
    source, place = file.file.parent, Path(target)
    if not (source / CONFIG).is_file():
        raise UsageError(f"{file.file} has no {CONFIG} beside it, which a Hugging Face folder needs")
    if os.path.lexists(place) and not (place.is_dir() and not os.listdir(place)):
        raise FileError(f"{target} is not an empty folder, and a folder is never replaced", hint="name a new one")
    if options.dry_run:
        done = convert(file, str(place / WEIGHTS), options)
    else:
        with staged_folder(place) as folder:
            done = convert(file, str(folder / WEIGHTS), options)
            for path in small_files(source):
                with replacing(folder / path.name) as stream:
                    stream.write(content_of(path, options.dtype))
            done = replace(done, files=[str(place / Path(each).name) for each in done.files])
    done.target, done.kind = target, "folder"
    done.files += [str(place / path.name) for path in small_files(source)]
    left = sorted(path.name for path in source.glob("*.py"))
    done.notes += [f"{name} is left out: code is not copied" for name in left]
    return done


def small_files(folder: Path) -> list[Path]:
    """Return the files that are copied, the config last; indexes of weights are not among them."""
    found = [path for path in folder.iterdir() if path.suffix in COPIED and path.is_file()]
    kept = [path for path in found if not path.name.endswith(".index.json") and path.stat().st_size <= LARGEST]
    return sorted(kept, key=lambda path: (path.name == CONFIG, path.name))


def content_of(path: Path, dtype: str | None) -> bytes:
    """Return the content of a file, of the config with the dtype that the weights get."""
    with reading(path):
        raw = path.read_bytes()
    if path.name != CONFIG or dtype is None:
        return raw
    config = strict_json.parse_config(path, raw)
    if not isinstance(config, dict):
        raise FormatError(f"{path} has a config that is not a JSON object")
    return json.dumps(with_dtype(config, dtype), indent=2, ensure_ascii=False).encode() + b"\n"


def with_dtype(config: Mapping[str, object], dtype: str) -> dict[str, object]:
    """Return a config in which each dtype that it names is ``dtype``, also in the configs inside (``text_config``)."""
    return {
        key: dtype
        if key in DTYPE_KEYS and isinstance(value, str)
        else with_dtype(value, dtype)
        if key.endswith("_config") and key != "quantization_config" and isinstance(value, dict)
        else value
        for key, value in config.items()
    }
