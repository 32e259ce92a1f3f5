"""Errors of the operating system as one sentence."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layercli.errors import FileError, FolderError, LayercliError, MissingFileError, nearest

REASONS = {
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EISDIR: "it is a folder, not a file",
    errno.EEXIST: "it exists already",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "it would be larger than this system allows a file to be",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ELOOP: "its symbolic links lead in a circle",
    errno.EMFILE: "too many files are open",
    errno.EIO: "the disk reports an error",
}


def reason(error: OSError) -> str:
    """Return the cause of ``error`` as the end of a sentence."""
    if error.errno is None and " requested and " in str(error):  # numpy's message, which omits the error number
        return REASONS[errno.ENOSPC]
    return REASONS.get(error.errno or 0) or lower_first(error.strerror or str(error))


def lower_first(sentence: str) -> str:
    """Return a sentence with its first letter in lower case, to continue another."""
    return sentence[:1].lower() + sentence[1:]


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Convert an OSError of the body to a FileError that says why ``file`` cannot be read."""
    try:
        yield
    except LayercliError:
        raise
    except FileNotFoundError:
        raise MissingFileError(f"{file} does not exist", hint=neighbour(file)) from None
    except OSError as error:
        raise FileError(f"cannot read {file}: {reason(error)}") from error


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Convert an OSError of the body to a FileError that says why ``file`` cannot be written."""
    try:
        yield
    except LayercliError:
        raise
    except OSError as error:
        kind = MissingFileError if isinstance(error, FileNotFoundError) else FileError
        raise kind(f"cannot write {file}: {reason(error)}") from error


def neighbour(file: Path) -> str | None:
    """Return a hint with files beside ``file`` that have similar names, or None."""
    try:
        beside = os.listdir(file.parent)
        return nearest(
            file.name, [name for name in beside if Path(name).suffix == file.suffix] if file.suffix else beside
        )
    except OSError:
        return None


def check_regular(file: Path) -> None:
    """Raise FileError unless ``file`` is a regular file: opening a pipe waits until something is written to it."""
    with reading(file):
        mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        raise FolderError(f"{file} is a folder, not a file")
    if not stat.S_ISREG(mode):
        raise FileError(f"{file} is not a regular file")


def own_content(file: Path, most: int) -> bytes:
    """Return the first ``most`` bytes of a file that layercli wrote; FileError for a link, a pipe or a folder."""
    if file.is_symlink():
        raise FileError(f"{file} is a symbolic link, which is not followed")
    check_regular(file)
    with (
        reading(file),
        open(file, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as stream,
    ):
        return stream.read(most)


def no_file(text: str) -> FileError:
    """Return the error for a missing file, with the most similar name in its folder as the hint."""
    try:
        with reading(Path(text)):
            os.stat(text)
    except FileError as error:
        return error
    return FileError(f"{text} is not a regular file")  # it was created in the meantime
