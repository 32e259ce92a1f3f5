"""Writing a file so that whoever reads it finds the old content or the new, whole, whatever happens."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from layercli.files.failure import writing


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Give a binary file whose content takes the place of ``path`` when the body ends without an exception.

    On any exception ``path`` stays as it was, and nothing is left beside it. The permissions of a file that is
    replaced are kept, and a symbolic link keeps pointing where it did. Raises FileError if it cannot be written.

    >>> with replacing("notes.txt") as file:
    ...     _ = file.write(b"whole or not at all")
    """
    with staged(path) as temporary, open(temporary, "wb") as file:
        yield file


@contextmanager
def staged(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of an empty file that takes the place of ``path``, as ``replacing`` does.

    This is for libraries that want to open, or to replace, the file themselves.
    """
    with writing(Path(path)):
        target = Path(os.path.realpath(path))
        mode = writable(target)
        temporary, default_mode = create_beside(target)
        try:
            yield temporary
            os.chmod(temporary, default_mode if mode is None else mode)
            sync(temporary)
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync(target.parent)


def writable(target: Path) -> int | None:
    """Return the permissions of ``target``, None if there is none yet, or raise OSError if it is not to be replaced."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    os.close(os.open(target, os.O_WRONLY))  # replacing asks leave of the folder only, so the file is asked here
    return stat.S_IMODE(status.st_mode)


def create_beside(target: Path) -> tuple[Path, int]:
    """Create an empty file in the folder of ``target`` and return its path and the permissions a new file has there.

    Not ``tempfile``, whose files nobody but their owner may read.
    """
    temporary = target.parent / f".layercli-{secrets.token_hex(8)}.tmp"
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        return temporary, stat.S_IMODE(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Wait until ``path``, a file or a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
