"""The stored values of one entry, read at once or chunk by chunk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats.dtype_codec import decode, readable, storage
from layercli.formats.os_errors import reading
from layercli.formats.weight_file import BITS, TensorEntry

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Layout:
    """The storage of ``entry``: the bytes of a value, and which axis varies fastest."""

    entry: TensorEntry
    big_endian: bool = False
    fortran: bool = False

    @property
    def order(self) -> Literal["C", "F"]:
        """``C`` if the last axis varies fastest, ``F`` if the first does."""
        return "F" if self.fortran else "C"

    def storage(self, file: Path) -> np.dtype:
        """Return the numpy dtype of the stored bytes; FormatError if there is none."""
        if not readable(self.entry.dtype):
            bits = BITS[self.entry.dtype]
            raise FormatError(f"{file}: the values of {self.entry.path!r} cannot be read, as each takes {bits} bits")
        return storage(self.entry.dtype, self.big_endian)

    def chunks(self, file: Path, stream: IO[bytes], values: int) -> Iterator[np.ndarray]:
        """Yield the values that ``stream``, a part of ``file``, holds from its position on, ``values`` at a time."""
        import numpy as np

        dtype = self.storage(file)
        for start in range(0, self.entry.size, values):
            wanted = min(values, self.entry.size - start) * dtype.itemsize
            raw = stream.read(wanted)
            if len(raw) != wanted:
                raise FormatError(f"{file} ends within the values of {self.entry.path!r}", code="truncated")
            yield decode(np.frombuffer(raw, dtype), self.entry.dtype)


@dataclass(frozen=True)
class TensorData:
    """Uncompressed values in ``file``, starting at the byte ``offset``."""

    file: Path
    offset: int
    layout: Layout

    def read(self) -> np.ndarray:
        """Return the values, memory-mapped if numpy has their dtype."""
        values = decode(self.stored(), self.layout.entry.dtype)
        values.flags.writeable = False
        return values

    def stored(self) -> np.ndarray:
        """Return the undecoded values, memory-mapped; each map that is held keeps a file descriptor open."""
        import numpy as np

        entry, dtype = self.layout.entry, self.layout.storage(self.file)
        if not entry.size:  # an empty range cannot be mapped
            return np.empty(entry.shape, dtype)
        with reading(self.file):
            if (
                self.file.stat().st_size < self.offset + entry.bytes
            ):  # otherwise an access to the map would kill the process
                raise FormatError(f"{self.file} ends within the values of {entry.path!r}", code="truncated")
            return np.memmap(os.fspath(self.file), dtype, "r", self.offset, entry.shape, self.layout.order)

    def chunks(self, values: int) -> Iterator[np.ndarray]:
        """Yield the values flat, in the file's order."""
        with reading(self.file), open(self.file, "rb") as stream:
            stream.seek(self.offset)
            yield from self.layout.chunks(self.file, stream, values)
