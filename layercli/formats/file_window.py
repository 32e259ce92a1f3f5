"""A part of a file as a file of its own, such as a stored member of a zip archive."""

from __future__ import annotations

import io
import os
from pathlib import Path


class FileWindow(io.RawIOBase):
    """The ``size`` bytes of ``file`` from ``start`` on, to read and to seek in.

    ``zipfile`` reads a stored member from its beginning again to seek back in it, which HDF5 does thousands of times.
    """

    def __init__(self, file: Path, start: int, size: int) -> None:
        super().__init__()
        self._stream = open(file, "rb", buffering=0)  # noqa: SIM115  # closed by close()
        self._start, self._size, self._at = start, size, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to ``offset`` from the start, the current place or the end of the part; return the new place."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"negative place in a file: {origin + offset}")
        self._at = origin + offset
        return self._at

    def tell(self) -> int:
        """Return the current place."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer comes as a memoryview
        """Read into ``buffer`` what it has room for and the part still has; return how many bytes."""
        room = max(0, min(len(buffer), self._size - self._at))
        self._stream.seek(self._start + self._at)
        count = self._stream.readinto(memoryview(buffer)[:room])
        self._at += count
        return count

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()
