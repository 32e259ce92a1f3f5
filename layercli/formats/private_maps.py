"""Maps of a file that its tensors share: each map holds a file descriptor open, of which a process may have few (256 on macOS)."""

from __future__ import annotations

import mmap
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from layercli.errors import FormatError
from layercli.formats.os_errors import reading

if TYPE_CHECKING:
    import numpy as np

    from layercli.formats.tensor_data import TensorData

SPAN = 1 << 30
"""The bytes of a map that tensors share; a whole file larger than the memory could not be mapped to be written to."""


class PrivateMap(mmap.mmap):
    """Bytes of a file from ``start`` on, copied where they are written to; ``given`` are the places that someone may write to."""

    start: int
    given: set[int]


class PrivateMaps:
    """Maps the tensors of one file copy-on-write, those within the same 1 GiB in one map, as long as one of them is held."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._maps: WeakSet[PrivateMap] = WeakSet()
        self._lock = threading.Lock()

    def values(self, block: TensorData) -> np.ndarray:
        """Return the undecoded values of ``block``; whoever asks again gets the values of the file, not those written since."""
        import numpy as np

        entry, dtype = block.layout.entry, block.layout.storage(self.file)
        if not entry.size:  # an empty range cannot be mapped
            return np.empty(entry.shape, dtype)
        with reading(self.file), self._lock:
            found = self._map(block.offset, entry.bytes)
            found.given.add(block.offset)
        return np.ndarray(entry.shape, dtype, found, block.offset - found.start, order=block.layout.order)

    def _map(self, offset: int, size: int) -> PrivateMap:
        """Return a map of the bytes from ``offset`` on that were not given away yet."""
        for known in self._maps:
            if known.start <= offset and offset + size <= known.start + len(known) and offset not in known.given:
                return known
        start = offset - offset % SPAN
        stop = start + SPAN
        if offset + size > stop:  # it lies in two spans: mapped alone
            start, stop = offset - offset % mmap.ALLOCATIONGRANULARITY, offset + size
        with open(self.file, "rb") as stream:
            held = os.fstat(stream.fileno()).st_size
            if held < offset + size:  # otherwise an access to the map would kill the process
                raise FormatError(f"{self.file} ends within the values of a tensor", code="truncated")
            found = PrivateMap(stream.fileno(), min(stop, held) - start, access=mmap.ACCESS_COPY, offset=start)
        found.start, found.given = start, set()
        self._maps.add(found)
        return found
