"""The state_dict of a ``.pt2``, listed from the JSON of the archive and read from its bytes, without torch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.errors import FormatError
from layercli.formats.dtype_codec import decode, storage
from layercli.formats.os_errors import reading
from layercli.formats.pt2_archive import CONFIGS, check_plain, members_of
from layercli.formats.strict_json import parse
from layercli.formats.weight_file import TensorEntry, missing
from layercli.formats.zip_archive import archive, member_start

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = CONFIGS[0]
DTYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64", 10: "complex64",
    11: "complex128", 12: "bool", 13: "bfloat16", 28: "uint16", 29: "float8_e4m3fn", 30: "float8_e5m2",
    31: "float8_e4m3fnuz", 32: "float8_e5m2fnuz", 33: "float8_e8m0fnu", 34: "uint32", 35: "uint64",
}  # fmt: skip
"""Our dtype names by torch.export's dtype number."""


class Pt2File:
    """The parameters and buffers of a ``.pt2``; ``trainable`` says which are trained.

    Raises FileError if it cannot be read, FormatError if torch.export cannot have written it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        with archive(self.file) as zipped:
            self._members = members_of(self.file, zipped)
            if WEIGHTS not in self._members:
                raise FormatError(f"{self.file} is not a model of torch.export: it has no {WEIGHTS}")
            config = parse(self.file, zipped.read(self._members[WEIGHTS]), WEIGHTS)
        check_plain(self.file, config, self._members, str(Path(WEIGHTS).parent))
        self._noted: dict[str, object] = config["config"]
        first: dict[str, str] = {}
        self.entries = {
            name: entry_of(self.file, name, noted, first.setdefault(place_of(noted), name))
            for name, noted in self._noted.items()
        }
        self.trainable = {name: is_trained(noted) for name, noted in self._noted.items()}

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, memory-mapped, with its strides applied."""
        import numpy as np
        from numpy.lib.stride_tricks import as_strided

        if path not in self.entries:
            raise missing(self.file, path, self.entries)
        entry, noted = self.entries[path], self._noted[path]
        dtype = storage(entry.dtype)
        strides, first = numbers(self.file, path, noted, "strides"), number(self.file, path, noted, "storage_offset")
        last = first + sum((size - 1) * step for size, step in zip(entry.shape, strides, strict=True))
        stored = self._stored(noted, dtype)
        if not entry.size:
            return decode(np.empty(entry.shape, dtype), entry.dtype)
        if min(strides, default=0) < 0 or last >= len(stored):
            raise FormatError(f"{self.file} ends within the values of {path!r}", code="truncated")
        steps = [step * dtype.itemsize for step in strides]
        values = decode(as_strided(stored[first:], entry.shape, steps, writeable=False), entry.dtype)
        values.flags.writeable = False
        return values

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time."""
        found = self.read(path).reshape(-1)
        for start in range(0, found.size, values):
            yield found[start : start + values]

    def _stored(self, noted: Any, dtype: np.dtype) -> np.ndarray:
        """Return the member that holds a tensor, or several tensors that share it."""
        import numpy as np

        info = self._members[f"{Path(WEIGHTS).parent}/{noted['path_name']}"]
        with reading(self.file):
            start, count = member_start(self.file, info), info.file_size // dtype.itemsize
            if not count:
                return np.empty(0, dtype)
            if (
                self.file.stat().st_size < start + count * dtype.itemsize
            ):  # otherwise an access to the map would kill the process
                raise FormatError(f"{self.file} ends within {info.filename!r}", code="truncated")
            return np.memmap(self.file, dtype, "r", start, (count,))


def place_of(noted: Any) -> str:
    """Return what the descriptions of tensors that are tied have in common: the bytes, and how they are read."""
    return json.dumps([noted.get("path_name"), noted.get("tensor_meta")], sort_keys=True)


def entry_of(file: Path, name: str, noted: Any, first: str) -> TensorEntry:
    """Return the description of a tensor in the archive, whose bytes ``first`` has too; FormatError if it is invalid."""
    meta = noted.get("tensor_meta")
    code = meta.get("dtype") if isinstance(meta, dict) else None
    if not isinstance(code, int) or code not in DTYPES:
        raise FormatError(f"{file}: {name!r} has the dtype {code!r}, which layercli does not know", code="bad-dtype")
    sizes = numbers(file, name, noted, "sizes")
    entry = TensorEntry(name, tuple(sizes), DTYPES[code], None, None if first == name else first)
    if any(size < 0 for size in sizes) or not entry.fits or len(numbers(file, name, noted, "strides")) != len(sizes):
        raise FormatError(f"{file}: {name!r} has the shape {sizes}, which cannot be", code="bad-shape")
    return entry


def is_trained(noted: Any) -> bool:
    """Whether a tensor is a trainable parameter."""
    return bool(noted.get("is_param")) and bool(noted["tensor_meta"].get("requires_grad"))


def numbers(file: Path, name: str, noted: Any, key: str) -> list[int]:
    """Return a list of integers from a tensor's description."""
    found = noted["tensor_meta"].get(key)
    if not isinstance(found, list) or not all(isinstance(x, dict) and type(x.get("as_int")) is int for x in found):
        raise FormatError(f"{file}: {name!r} has {key} that are not numbers")
    return [x["as_int"] for x in found]


def number(file: Path, name: str, noted: Any, key: str) -> int:
    """Return a non-negative integer from a tensor's description."""
    found = noted["tensor_meta"].get(key)
    if not isinstance(found, dict) or type(found.get("as_int")) is not int or found["as_int"] < 0:
        raise FormatError(f"{file}: {name!r} has a {key} that is not a number")
    offset: int = found["as_int"]
    return offset
