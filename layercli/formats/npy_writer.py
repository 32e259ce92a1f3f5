"""An npy file written row by row: whole under its name at the end, until then in a part file that can be gone on with.

Beside ``y.npy.part`` stands ``y.npy.part.json``, its journal, which says for what run it is, how many rows of it are on the
disk, and the bytes and the SHA-256 of all up to there. A part that is not what its journal says is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeGuard

from layercli.errors import FileError, FormatError
from layercli.formats import npy
from layercli.formats.atomic import replaceable, replacing, sync
from layercli.formats.os_errors import reading, writing
from layercli.formats.strict_json import parse
from layercli.formats.temporary import create

if TYPE_CHECKING:
    import numpy as np

SCHEMA = "layercli.rows/2"
SAVE_EVERY = 2.0
"""Seconds between two moments at which what is written is made safe."""
BLOCK = 1 << 20
AGAIN = "--force begins again"


@dataclass(frozen=True)
class Promise:
    """What a journal says: for which run, how many rows of what shape and dtype are safe, and what a part begins with."""

    identity: str
    total: int
    done: int
    row: tuple[int, ...]
    dtype: str
    bytes: int
    sha256: str

    @staticmethod
    def of(document: Any) -> Promise | None:
        """Return the promise in a journal, or None where it says what cannot be."""
        if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
            return None
        if document.keys() != Promise.__annotations__.keys() or not is_shape(document["row"]):
            return None
        promise = Promise(**{**document, "row": tuple(document["row"])})
        texts = (promise.identity, promise.dtype, promise.sha256)
        if not all(isinstance(x, str) for x in texts) or promise.dtype[1:] not in npy.DTYPES:
            return None
        if not is_shape([promise.done, promise.total, promise.bytes]) or promise.done > promise.total:
            return None
        return promise if promise.bytes == length(promise.total, promise.row, promise.dtype, promise.done) else None


def is_shape(sizes: Any) -> TypeGuard[list[int]]:
    """Whether ``sizes`` is a list of integers that sizes can be."""
    return isinstance(sizes, list) and all(type(size) is int and 0 <= size < 2**63 for size in sizes)


def header_of(total: int, row: tuple[int, ...], dtype: str) -> bytes:
    """Return what an npy file of so many rows begins with."""
    from numpy.lib import format

    stream = io.BytesIO()
    format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": (total, *row)})
    return stream.getvalue()


def length(total: int, row: tuple[int, ...], dtype: str, done: int) -> int:
    """Return the bytes of a part with ``done`` of its rows."""
    import numpy as np

    return len(header_of(total, row, dtype)) + done * prod(row) * np.dtype(dtype).itemsize


class RowWriter:
    """Writes an array of ``total`` rows to ``path``; ``identity`` is what a run must be to go on with another's part."""

    def __init__(self, path: str, total: int, identity: str, clock: Callable[[], float] = time.monotonic) -> None:
        name = os.path.realpath(path) if os.path.islink(path) else path
        self.path = Path(name)
        self.part = Path(f"{name}.part")
        self.journal = Path(f"{name}.part.json")
        self.total = total
        self.identity = identity
        self.done = 0
        self.complete = False
        self._clock = clock
        self._saved = clock()
        self._stream: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._row: tuple[tuple[int, ...], str] | None = None

    @property
    def left_over(self) -> bool:
        """Whether an interrupted run has left a part."""
        return os.path.lexists(self.journal)

    @property
    def obstructed(self) -> bool:
        """Whether there is a file of the part's name that no run of layercli has left."""
        return os.path.lexists(self.part) and not self.left_over

    def discard(self) -> None:
        """Remove what is left, or in the way; of a symbolic link the link alone."""
        for file in (self.part, self.journal):
            with writing(file), suppress(FileNotFoundError):
                file.unlink()

    def resume(self) -> None:
        """Go on where an interrupted run of the same kind stopped; FormatError where it was another, or is damaged."""
        with reading(self.journal), os.fdopen(os.open(self.journal, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            content = stream.read(BLOCK)
        try:
            promise = Promise.of(parse(self.journal, content, "content"))
        except FormatError as error:
            raise FormatError(error.message, hint=AGAIN) from None
        ended = not self.part.exists() and self.path.exists()  # killed after the part had got its name
        file = self.path if ended else self.part
        if promise is None or not file.exists():
            raise FormatError(f"{self.journal} does not say how far {self.part} is", hint=AGAIN)
        if (promise.identity, promise.total) != (self.identity, self.total):
            raise FormatError(
                f"{self.part} was left by a run of another model, of other inputs or settings", hint=AGAIN
            )
        self._take(file, promise)
        if ended:
            self.close()
            self._end()

    def _take(self, file: Path, promise: Promise) -> None:
        """Open what was left behind its last row, having compared it with its journal."""
        with writing(file):
            descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            self._stream = os.fdopen(descriptor, "r+b")
            size = os.fstat(descriptor).st_size if stat.S_ISREG(os.fstat(descriptor).st_mode) else 0
        try:
            if size < promise.bytes:
                raise FormatError(f"{file} has {size:,} bytes, and its journal says {promise.bytes:,}", hint=AGAIN)
            self._digest, remaining = hashlib.sha256(), promise.bytes
            with reading(file):
                while remaining and (block := self._stream.read(min(BLOCK, remaining))):
                    self._digest.update(block)
                    remaining -= len(block)
            if remaining or self._digest.hexdigest() != promise.sha256:
                raise FormatError(f"{file} is damaged: it is not what its journal says", hint=AGAIN)
            with writing(file):
                self._stream.truncate(promise.bytes)
                self._stream.seek(promise.bytes)
        except BaseException:
            self.close()
            raise
        self._row, self.done = (promise.row, promise.dtype), promise.done

    def write(self, rows: np.ndarray) -> None:
        """Append rows; all must have one shape and dtype. From time to time they are made safe on the disk."""
        import numpy as np

        if self._stream is None:
            self._begin(rows.shape[1:], rows.dtype.str)
        if (rows.shape[1:], rows.dtype.str) != self._row:
            raise FormatError(f"the rows for {self.path} change from {self._row} to {(rows.shape[1:], rows.dtype.str)}")
        with writing(self.part):
            assert self._stream is not None
            self._stream.write(np.ascontiguousarray(rows).data)
        self._digest.update(np.ascontiguousarray(rows).data)
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
        row, dtype = self._row
        size = length(self.total, row, dtype, self.done)
        promise = Promise(self.identity, self.total, self.done, row, dtype, size, self._digest.hexdigest())
        with replacing(self.journal, follow=False) as stream:
            stream.write(json.dumps({"schema": SCHEMA, **asdict(promise)}).encode())
        self._saved = self._clock()

    def finish(self) -> None:
        """Give the whole array its name, and leave nothing beside it."""
        if self.complete:
            return
        if self.done != self.total:
            raise FileError(f"{self.path} has {self.done:,} of {self.total:,} rows")
        self.save()
        self.close()
        with writing(self.path):
            os.replace(self.part, self.path)
        self._end()

    def _end(self) -> None:
        with writing(self.path):
            self.journal.unlink()
            sync(self.path.resolve().parent)
        self.complete = True

    def close(self) -> None:
        """Close the part; it stays where it is."""
        if self._stream is not None:
            with suppress(OSError):  # what it could not write was said before, and is not counted
                self._stream.close()
            self._stream = None

    def _begin(self, row: tuple[int, ...], dtype: str) -> None:
        """Make the part, which must not be there, with the permissions of the file that it will replace."""
        with writing(self.part):
            descriptor = create(self.part, replaceable(self.path, follow=True))
            self._stream = os.fdopen(descriptor, "w+b")
            header = header_of(self.total, row, dtype)
            self._stream.write(header)
        self._digest = hashlib.sha256(header)
        self._row, self.done = (row, dtype), 0
        try:
            self.save()  # so that whatever happens, what lies there is known
        except FileError:
            self.close()
            self.part.unlink()
            raise
