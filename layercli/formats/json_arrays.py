"""json and jsonl: arrays as nested lists, one or several by name; a line of jsonl is a row of each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.limits import DESCRIPTION
from layercli.core.text import holds_text, text_array
from layercli.errors import FormatError, UsageError, with_and
from layercli.formats import strict_json
from layercli.formats.atomic import replacing
from layercli.formats.os_errors import check_regular, reading

if TYPE_CHECKING:
    import numpy as np

ENDINGS = (".json", ".jsonl", ".ndjson")
LINES = ENDINGS[1:]
"""The suffixes of files with one value in each line."""
NOT_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""How numbers that JSON has not are written: as such a string, or as such a word, which many writers do."""
ONE = ""
"""The name of an array that has none."""


def read_json(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name, an array without a name under ``""``; those of a nested object as ``batch.x``.

    Integers are int64, other numbers float64, text is an array of str. FormatError says where a file holds something else.
    """
    file = Path(path)
    check_regular(file)
    with reading(file):
        stamp = file.stat()
    return dict(_read(file, stamp.st_ino, stamp.st_mtime_ns, stamp.st_size))


@lru_cache(maxsize=1)  # each entry of an object may be an input of its own
def _read(file: Path, *stamp: int) -> dict[str, np.ndarray]:
    with reading(file), open(file, "rb") as stream:
        DESCRIPTION.check(file, os.fstat(stream.fileno()).st_size)
        raw = stream.read().removeprefix(b"\xef\xbb\xbf")
    if file.suffix.lower() not in LINES:
        return dict(arrays_in(file, value_of(file, raw, "a value"), ONE))
    lines = [(i, line) for i, line in enumerate(raw.splitlines(), 1) if line.strip()]
    values = [value_of(file, line, f"a line {i}") for i, line in lines]
    if not values:
        raise FormatError(f"{file} is empty")
    if not isinstance(values[0], dict):
        return dict(arrays_in(file, values, ONE))
    for (i, _), value in zip(lines, values, strict=True):
        if not isinstance(value, dict) or value.keys() != values[0].keys():
            raise FormatError(f"{file}, line {i}, is not an object with the names of line {lines[0][0]}")
    return dict(arrays_in(file, {name: [value[name] for value in values] for name in values[0]}, ONE))


def value_of(file: Path, raw: bytes, part: str) -> Any:
    """Return the value that is written in ``raw``."""
    return strict_json.parse(file, raw, part, NOT_NUMBERS.__getitem__)


def arrays_in(file: Path, value: object, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of a value: itself, or the values of an object by name."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from arrays_in(file, each, f"{name}.{key}" if name else key)
    else:
        yield name, array_of(f"{file}: {name!r}" if name else str(file), value)


def array_of(where: str, value: object) -> np.ndarray:
    """Return nested lists of numbers, of true and false, or of text as an array; FormatError for other values."""
    import numpy as np

    if holds_text(value) and first_of(value) not in NOT_NUMBERS:
        try:
            return text_array(value)
        except UsageError as error:
            raise FormatError(f"{where} holds texts and {str(error).removeprefix('expects text, got ')}") from None
    kinds = {type(each) for each in flat(where, value)}
    if kinds - {int, float, bool, str} or (bool in kinds and len(kinds) > 1):
        raise FormatError(f"{where} is no list of numbers, of true and false, or of text: it holds {names_of(kinds)}")
    if str in kinds:
        value = numbers_in(where, value)
    dtype = "bool" if kinds == {bool} else "int64" if kinds == {int} else "float64"
    try:
        return np.array(value, dtype=dtype)
    except OverflowError:
        raise FormatError(f"{where} holds an integer of more than 64 bits") from None
    except ValueError:
        raise FormatError(f"{where} has lists of different lengths") from None


def first_of(value: object) -> Any:
    """Return the first value in nested lists."""
    while isinstance(value, list) and value:
        value = value[0]
    return value


def flat(where: str, value: object) -> Iterator[object]:
    """Yield the values in nested lists."""
    if isinstance(value, list):
        for each in value:
            yield from flat(where, each)
    else:
        yield value


def numbers_in(where: str, value: object) -> object:
    """Return nested lists with ``"NaN"`` and the infinities as numbers; FormatError for other texts."""
    if isinstance(value, list):
        return [numbers_in(where, each) for each in value]
    if isinstance(value, str):
        if value not in NOT_NUMBERS:
            raise FormatError(f"{where} holds the text {value!r} among numbers")
        return NOT_NUMBERS[value]
    return value


def names_of(kinds: set[type]) -> str:
    """Return what JSON calls the types of values."""
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        dict: "an object",
        type(None): "null",
    }
    return with_and(sorted({names.get(kind, "a value") for kind in kinds}))


def save_json(path: str | os.PathLike[str], arrays: dict[str, np.ndarray]) -> None:
    """Write arrays by name as one object, or, where the suffix says lines, one object for each row; atomically.

    ``NaN`` and the infinities are written as strings. UsageError for lines of arrays that have different numbers of rows.
    """
    from layercli.formats.json_numbers import json_values

    values = {name: json_values(array) for name, array in arrays.items()}
    if Path(path).suffix.lower() not in LINES:
        rows: list[Any] = [values]
    else:
        counts = {array.shape[:1] for array in arrays.values()}
        if len(counts) != 1 or counts == {()}:
            raise UsageError(
                "a line is a row of every result, and they have different numbers of rows", hint="write a .json"
            )
        rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    with replacing(path) as stream:
        for row in rows:
            stream.write((json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode())
