"""NumPy arrays in pickles, as in the files of data sets: read as data (``safe_pickle``), nothing is executed."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from layercli.errors import FormatError
from layercli.formats import safe_pickle
from layercli.formats.os_errors import reading
from layercli.formats.pickled_values import Pairs, PickledCall
from layercli.formats.safe_pickle import Machine

RECONSTRUCT = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
ALLOWED = {*RECONSTRUCT, "numpy.ndarray", "numpy.dtype", "_codecs.encode"}
"""The names that a pickle of arrays has."""


def load_arrays(where: str, raw: bytes) -> object:
    """Return what a pickle holds: numbers, texts, lists, dicts by text, and arrays; an array of objects is a list.

    Raises FormatError for a pickle that names anything else, or is damaged.
    """

    def check(name: str) -> None:
        if name not in ALLOWED:
            raise FormatError(f"{where} names {name}, which no data set needs", code="unsafe")

    value, machine = safe_pickle.load_at(where, raw, 0, check)
    return plain(where, value, machine)


def plain(where: str, value: object, machine: Machine) -> Any:
    """Return a parsed value with its arrays and dicts made."""
    if isinstance(value, Pairs):
        return {text(plain(where, key, machine)): plain(where, item, machine) for key, item in value.pairs}
    if isinstance(value, list):
        return [plain(where, item, machine) for item in value] if any(map(is_parsed, value)) else value
    if isinstance(value, PickledCall):
        if value.of == "_codecs.encode":
            return str(value.args[0]).encode("latin-1")
        return array(where, value, machine)
    return value


def is_parsed(value: object) -> bool:
    """Whether a value is made of parts that the parser has recorded."""
    return isinstance(value, (PickledCall, Pairs, list))


def text(key: Any) -> str:
    """Return a key of a dict as text."""
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def array(where: str, call: PickledCall, machine: Machine) -> Any:
    """Return the array that a pickle describes by its state: version, shape, dtype, order, data."""
    try:
        _, shape, kind, fortran, data = machine.states[id(call)][1]
        dtype = dtype_of(kind, machine)
        if dtype.hasobject:
            return plain(where, data, machine)
        data = plain(where, data, machine)
        data = data.encode("latin-1") if isinstance(data, str) else data
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise ValueError
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C").copy()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise FormatError(f"{where} has a damaged array", code="bad-header") from None


def dtype_of(call: PickledCall, machine: Machine) -> np.dtype:
    """Return the dtype that a pickle describes: its name, and in its state the byte order."""
    found = np.dtype(text(call.args[0]))
    order = text(machine.states[id(call)][1][1]) if id(call) in machine.states else "="
    return found if order == "|" or found.hasobject else found.newbyteorder(order)  # type: ignore[arg-type]  # checked by numpy


def load_npz(path: str) -> dict[str, object]:
    """Return the arrays of an ``.npz`` file by name; an array of objects is a list. FormatError if it is damaged."""
    found = {}
    with reading(Path(path)):
        try:
            with zipfile.ZipFile(path) as zipped:
                for name in zipped.namelist():
                    found[name.removesuffix(".npy")] = load_npy(f"{path}: {name}", zipped.read(name))
        except (zipfile.BadZipFile, ValueError, EOFError):
            raise FormatError(f"{path} is not a .npz file, or is damaged") from None
    return found


def load_npy(where: str, raw: bytes) -> object:
    """Return the array in the bytes of an ``.npy`` file."""
    stream = io.BytesIO(raw)
    header = np.lib.format
    read = header.read_array_header_1_0 if header.read_magic(stream)[0] == 1 else header.read_array_header_2_0
    _, _, dtype = read(stream)
    if dtype.hasobject:
        return load_arrays(where, raw[stream.tell() :])
    stream.seek(0)
    return header.read_array(stream, allow_pickle=False)
