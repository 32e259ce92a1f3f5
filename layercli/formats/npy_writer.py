"""Write an npy file row by row, into a partial file that can be resumed and is renamed at the end.

Beside ``y.npy.part`` is its journal ``y.npy.part.json``, with the identity of the run, the number of rows on disk, and the
length and SHA-256 of everything up to there. A partial file that does not match its journal is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeGuard

from layercli.core.limits import MOST_DIMENSIONS
from layercli.dataclass import dataclass
from layercli.errors import FileError, FormatError
from layercli.formats import npy
from layercli.formats.atomic import replaceable, replacing, sync
from layercli.formats.os_errors import check_regular, own_content, reading, writing
from layercli.formats.strict_json import parse
from layercli.formats.temporary import create

if TYPE_CHECKING:
    import numpy as np

SCHEMA = "layercli.rows/2"
SAVE_EVERY = 2.0
"""Seconds between two flushes to disk."""
BLOCK = 1 << 20
AGAIN = "--force starts again"


@dataclass(frozen=True)
class Promise:
    """The content of a journal: the run's identity, the number, shape and dtype of the flushed rows, and the npy header."""

    identity: str
    total: int
    done: int
    row: tuple[int, ...]
    dtype: str
    bytes: int
    sha256: str

    @staticmethod
    def of(document: object) -> Promise | None:
        """Return the content of a journal, or None if it is impossible."""
        if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
            return None
        if document.keys() != Promise.__annotations__.keys() or not is_shape(document["row"]):
            return None
        promise = Promise(**{**document, "row": tuple(document["row"])})
        texts = (promise.identity, promise.dtype, promise.sha256)
        if not all(isinstance(x, str) for x in texts) or len(promise.row) >= MOST_DIMENSIONS:
            return None
        if promise.dtype[:1] not in ("<", ">", "|") or promise.dtype[1:] not in npy.DTYPES:
            return None
        if not is_shape([promise.done, promise.total, promise.bytes]) or promise.done > promise.total:
            return None
        return promise if promise.bytes == length(promise.total, promise.row, promise.dtype, promise.done) else None


def is_shape(sizes: object) -> TypeGuard[list[int]]:
    """Whether ``sizes`` is a list of integers that can be sizes."""
    return isinstance(sizes, list) and all(type(size) is int and 0 <= size < 2**63 for size in sizes)


def header_of(total: int, row: tuple[int, ...], dtype: str) -> bytes:
    """Return the npy header for that many rows."""
    return header_of_shape((total, *row), dtype)


def header_of_shape(shape: tuple[int, ...], dtype: str) -> bytes:
    """Return what an npy file of an array begins with."""
    from numpy.lib import format

    stream = io.BytesIO()
    format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def length(total: int, row: tuple[int, ...], dtype: str, done: int) -> int:
    """Return the length in bytes of a partial file with ``done`` rows."""
    import numpy as np

    return len(header_of(total, row, dtype)) + done * prod(row) * np.dtype(dtype).itemsize


class RowWriter:
    """Writes an array of ``total`` rows to ``path``; a run may resume a partial file with the same ``identity``."""

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
        """Whether an interrupted run left a partial file."""
        return os.path.lexists(self.journal)

    @property
    def obstructed(self) -> bool:
        """Whether a file with the partial file's name exists that layercli did not write."""
        return os.path.lexists(self.part) and not self.left_over

    def discard(self) -> None:
        """Remove leftovers and obstructing files; of a symbolic link only the link."""
        for file in (self.part, self.journal):
            with writing(file), suppress(FileNotFoundError):
                file.unlink()

    def resume(self) -> None:
        """Resume where an interrupted run of the same identity stopped; FormatError if it was another run, or is damaged."""
        content = own_content(self.journal, BLOCK)
        try:
            promise = Promise.of(parse(self.journal, content, "content"))
        except FormatError as error:
            raise FormatError(error.message, hint=AGAIN) from None
        ended = (
            not self.part.exists() and self.path.exists()
        )  # the process was killed after the partial file was renamed
        file = self.path if ended else self.part
        if promise is None or not file.exists():
            raise FormatError(f"{self.journal} does not say how far {self.part} is", hint=AGAIN)
        if (promise.identity, promise.total) != (self.identity, self.total):
            raise FormatError(
                f"{self.part} was left by a run of another model, of other inputs or settings", hint=AGAIN
            )
        if ended and promise.done < self.total:
            raise FormatError(
                f"{self.part} does not exist, and {self.journal} says that it had {promise.done:,} of {self.total:,} rows",
                hint=AGAIN,
            )
        self._take(file, promise)
        if ended:
            self.close()
            self._end()

    def _take(self, file: Path, promise: Promise) -> None:
        """Open the partial file at its end, after comparing it with its journal."""
        if file.is_symlink():
            raise FileError(f"{file} is a symbolic link, which is not followed")
        check_regular(file)
        with writing(file):
            descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            self._stream = os.fdopen(descriptor, "r+b")
            size = os.fstat(descriptor).st_size
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
        """Append rows of one shape and dtype; from time to time flush them to disk."""
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
        """Flush the rows to disk, then write their number to the journal."""
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
        """Rename the complete array to its target, and remove the journal."""
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
        """Close the partial file and leave it in place."""
        if self._stream is not None:
            with suppress(OSError):  # the error was reported before, and the rows are not counted
                self._stream.close()
            self._stream = None

    def _begin(self, row: tuple[int, ...], dtype: str) -> None:
        """Create the partial file, which must not exist, with the permissions of the file it will replace."""
        with writing(self.part):
            descriptor = create(self.part, replaceable(self.path, follow=True))
            self._stream = os.fdopen(descriptor, "w+b")
            header = header_of(self.total, row, dtype)
            self._stream.write(header)
        self._digest = hashlib.sha256(header)
        self._row, self.done = (row, dtype), 0
        try:
            self.save()  # the journal exists before any row, so that every partial file has one
        except FileError:
            self.close()
            self.part.unlink()
            raise
