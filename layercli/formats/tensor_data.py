"""The values of one entry as they lie in a file, and the two ways to them: all at once, or chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from layercli.errors import FormatError
from layercli.formats.dtype_codec import decode, readable, storage
from layercli.formats.os_errors import reading
from layercli.formats.weight_file import BITS, TensorEntry

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Layout:
    """How the values of ``entry`` follow each other: the bytes of each, and which index runs fastest."""

    entry: TensorEntry
    big_endian: bool = False
    fortran: bool = False

    @property
    def order(self) -> Literal["C", "F"]:
        """``C`` if the last index runs fastest, ``F`` if the first does."""
        return "F" if self.fortran else "C"

    def storage(self, file: Path) -> np.dtype:
        """Return the numpy dtype of the stored bytes, or raise FormatError where there is none."""
        if not readable(self.entry.dtype):
            bits = BITS[self.entry.dtype]
            raise FormatError(f"{file}: the values of {self.entry.path!r} cannot be read, as each takes {bits} bits")
        return storage(self.entry.dtype, self.big_endian)

    def chunks(self, file: Path, stream: IO[bytes], values: int) -> Iterator[np.ndarray]:
        """Yield the values that ``stream``, a part of ``file``, holds from here on, ``values`` at a time."""
        import numpy as np

        dtype = self.storage(file)
        for start in range(0, self.entry.size, values):
            wanted = min(values, self.entry.size - start) * dtype.itemsize
            raw = stream.read(wanted)
            if len(raw) != wanted:
                raise FormatError(f"{file} ends within the values of {self.entry.path!r}")
            yield decode(np.frombuffer(raw, dtype), self.entry.dtype)


@dataclass(frozen=True)
class TensorData:
    """Values that lie uncompressed in ``file``, from the byte ``offset`` on."""

    file: Path
    offset: int
    layout: Layout

    def read(self) -> np.ndarray:
        """Return the values, mapped from the file where their dtype is one of numpy's."""
        values = decode(self.stored(), self.layout.entry.dtype)
        values.flags.writeable = False
        return values

    def stored(self, *, own: bool = False) -> np.ndarray:
        """Return the values as they lie, before they are decoded; ``own`` lets what is written to them stay in memory."""
        import numpy as np

        entry, dtype = self.layout.entry, self.layout.storage(self.file)
        if not entry.size:  # nothing cannot be mapped
            return np.empty(entry.shape, dtype)
        with reading(self.file):
            if self.file.stat().st_size < self.offset + entry.bytes:  # or touching the map would kill the process
                raise FormatError(f"{self.file} ends within the values of {entry.path!r}")
            order = self.layout.order
            return np.memmap(self.file, dtype, "c" if own else "r", self.offset, entry.shape, order)

    def chunks(self, values: int) -> Iterator[np.ndarray]:
        """Yield the values flat, in the file's order."""
        with reading(self.file), open(self.file, "rb") as stream:
            stream.seek(self.offset)
            yield from self.layout.chunks(self.file, stream, values)
