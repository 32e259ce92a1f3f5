"""An npy file written row by row: whole under its name at the end, until then in a part file that can be gone on with.

Beside ``y.npy.part`` stands ``y.npy.part.json``, which says how many rows of it are on the disk and for what run.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from layercli.errors import FileError, FormatError
from layercli.files.atomic import replacing, sync
from layercli.files.failure import reading, writing
from layercli.files.strict_json import parse

if TYPE_CHECKING:
    import numpy as np

SCHEMA = "layercli.rows/1"
SAVE_EVERY = 2.0
"""Seconds between two moments at which what is written is made safe."""


class RowWriter:
    """Writes an array of ``total`` rows to ``path``; ``identity`` is what a run must be to go on with another's part."""

    def __init__(self, path: str, total: int, identity: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = Path(path)
        self.part = Path(f"{path}.part")
        self.journal = Path(f"{path}.part.json")
        self.total = total
        self.identity = identity
        self.done = 0
        self._clock = clock
        self._saved = clock()
        self._stream: IO[bytes] | None = None
        self._row: tuple[tuple[int, ...], str] | None = None

    @property
    def left_over(self) -> bool:
        """Whether an interrupted run has left a part."""
        return self.journal.exists()

    def resume(self) -> None:
        """Go on where an interrupted run of the same kind stopped; FormatError where it was another."""
        with reading(self.journal):
            found = parse(self.journal, self.journal.read_bytes(), "content")
        if not isinstance(found, dict) or found.get("schema") != SCHEMA or not self.part.exists():
            raise FormatError(f"{self.journal} does not say how far {self.part} is", hint="--force begins again")
        if found.get("identity") != self.identity or found.get("total") != self.total:
            raise FormatError(
                f"{self.part} was left by a run of another model, of other inputs or settings",
                hint="--force begins again",
            )
        self._open(tuple(found["row"]), found["dtype"], "r+b", found["done"])

    def write(self, rows: np.ndarray) -> None:
        """Append rows; all must have one shape and dtype. From time to time they are made safe on the disk."""
        import numpy as np

        if self._stream is None:
            self._open(rows.shape[1:], rows.dtype.str, "w+b", 0)
        if (rows.shape[1:], rows.dtype.str) != self._row:
            raise FormatError(f"the rows for {self.path} change from {self._row} to {(rows.shape[1:], rows.dtype.str)}")
        with writing(self.part):
            assert self._stream is not None
            self._stream.write(np.ascontiguousarray(rows).data)
        self.done += len(rows)
        if self._clock() - self._saved >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Make what is written safe: first the rows, then how many of them there are."""
        if self._stream is None or self._row is None:
            return
        with writing(self.part):
            self._stream.flush()
            os.fsync(self._stream.fileno())
        shape, dtype = self._row
        document = {
            "schema": SCHEMA, "identity": self.identity, "total": self.total,
            "done": self.done, "row": list(shape), "dtype": dtype,
        }  # fmt: skip
        with replacing(self.journal) as stream:
            stream.write(json.dumps(document).encode())
        self._saved = self._clock()

    def finish(self) -> None:
        """Give the whole array its name, and leave nothing beside it."""
        if self.done != self.total:
            raise FileError(f"{self.path} has {self.done:,} of {self.total:,} rows")
        self.save()
        self.close()
        with writing(self.path):
            os.replace(self.part, self.path)
            self.journal.unlink()
            sync(self.path.resolve().parent)

    def close(self) -> None:
        """Close the part; it stays where it is."""
        if self._stream is not None:
            with suppress(OSError):  # what it could not write was said before, and is not counted
                self._stream.close()
            self._stream = None

    def _open(self, shape: tuple[int, ...], dtype: str, mode: str, done: int) -> None:
        import numpy as np
        from numpy.lib import format

        with writing(self.part):
            stream = open(self.part, mode)  # noqa: SIM115 - it stays open between writes
            header: dict[str, Any] = {"descr": dtype, "fortran_order": False, "shape": (self.total, *shape)}
            format.write_array_header_1_0(stream, header)
            stream.seek(stream.tell() + done * int(np.prod(shape)) * np.dtype(dtype).itemsize)
            stream.truncate()
        self._stream, self._row, self.done = stream, (shape, dtype), done
        try:
            self.save()  # so that whatever happens, what lies there is known
        except FileError:
            self.close()
            self.part.unlink()
            raise
