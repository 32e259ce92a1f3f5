"""The ``weight_map`` in an index of weight files, which is JSON: for each name the file, or the files, that hold it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from layercli.errors import FormatError
from layercli.formats import strict_json
from layercli.formats.names import is_plain
from layercli.formats.os_errors import reading

LONGEST_INDEX = 100_000_000


def weight_map_in(file: Path) -> dict[str, Any]:
    """Return the ``weight_map`` of an index: a file name, or a list of them, for each name."""
    with reading(file), open(file, "rb") as stream:
        raw = stream.read(LONGEST_INDEX + 1)
    if len(raw) > LONGEST_INDEX:
        raise FormatError(f"{file} is longer than any index of weight files", code="bad-index")
    index = strict_json.parse(file, raw, "an index")
    if not isinstance(index, dict) or not isinstance(index.get("weight_map"), dict):
        raise FormatError(f"{file} is JSON without a weight_map, so not an index of weight files", code="bad-index")
    names: dict[str, Any] = index["weight_map"]
    for name in named_in(names.values()):
        if not is_plain(name):
            raise FormatError(f"{file} names the shard {name!r}, which is not a plain file name", code="bad-index")
    return names


def named_in(values: Iterable[Any]) -> Iterable[Any]:
    """Return what a ``weight_map`` names, in its order; each file once if there is no list."""
    try:
        return dict.fromkeys(values)
    except TypeError:  # a list, or no name at all
        return [name for given in values for name in files_of(given) or [given]]


def files_of(given: Any) -> list[Any]:
    """Return the file names that a ``weight_map`` has for a name, one or a list."""
    return given if isinstance(given, list) else [given]
