"""A file for libraries that cannot bear a failed write: HDF5 crashes the process when it closes, torch's archive writer ends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


class ErrorKeepingFile:
    """A binary file whose writes never raise: the first ``error`` is kept, and what follows it is dropped."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, data: Any) -> int:
        """Write all of ``data``, in several calls where one takes only a part."""
        view = memoryview(data)
        rest = view
        while self.error is None and rest:
            try:
                rest = rest[self.stream.write(rest) :]
            except OSError as error:
                self.error = error
        return len(view)

    def truncate(self, size: int) -> int:
        """Set the length of the file."""
        if self.error is None:
            try:
                self.stream.truncate(size)
            except OSError as error:
                self.error = error
        return size

    def flush(self) -> None:
        """Flush the stream."""
        if self.error is None:
            try:
                self.stream.flush()
            except OSError as error:
                self.error = error


@contextmanager
def error_keeping(stream: IO[bytes]) -> Iterator[Any]:
    """Yield ``stream`` as a file whose writes never raise; the first error is raised when the body has ended."""
    kept = ErrorKeepingFile(stream)
    try:
        yield kept
    finally:
        if kept.error is not None:
            raise kept.error
