"""Write files atomically: a reader sees the complete old content or the complete new content.

Every file that layercli writes is written here, or by ``npy_writer`` and ``distributed_checkpoint`` with these functions.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from layercli.errors import LayercliError
from layercli.formats.os_errors import writing
from layercli.formats.temporary import create, file_beside, folder_beside, imitate, sweep


@contextmanager
def replacing(path: str | os.PathLike[str], *, follow: bool = True) -> Iterator[BinaryIO]:
    """Yield a binary file that replaces ``path`` when the body ends without an exception.

    On an exception ``path`` is unchanged and nothing is left beside it. The permissions of a replaced file are kept. A
    symbolic link is followed; without ``follow`` the link itself is replaced. Raises FileError if it cannot be written.

    >>> with replacing("notes.txt") as file:
    ...     _ = file.write(b"complete or unchanged")
    """
    with writing(Path(path)):
        target = real(path) if follow else real(Path(path).parent) / Path(path).name
        like = replaceable(target, follow=follow)
        sweep(target.parent)
        with file_beside(target, like) as (temporary, descriptor), os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            sync(temporary)
            os.replace(temporary, target)
        sync(target.parent)


@contextmanager
def staged(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of an empty file that replaces ``path``, like ``replacing``.

    This is for libraries that open or replace the file themselves. Until then it is in a folder that only its owner may
    enter.
    """
    with writing(Path(path)):
        target = real(path)
        like = replaceable(target, follow=True)
        sweep(target.parent)
        with folder_beside(target) as folder:
            temporary = folder / target.name
            os.close(create(temporary, like))
            wanted = os.lstat(temporary)
            with errors_naming(path, temporary):
                yield temporary
            check_regular(temporary)
            imitate(temporary, wanted)
            sync(temporary)
            os.replace(temporary, target)
        sync(target.parent)


@contextmanager
def staged_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty folder that is put at ``path``, whole or not at all; there may be nothing, or an empty folder."""
    with writing(Path(path)):
        target = real(path)
        sweep(target.parent)
        with folder_beside(target) as folder:
            temporary = folder / target.name
            temporary.mkdir()
            with errors_naming(path, temporary):
                yield temporary
            sync_all(temporary)
            os.rename(temporary, target)
        sync(target.parent)


def make_folder_of(path: str | os.PathLike[str]) -> None:
    """Make the folder that ``path`` is to lie in, and those above it, where they are missing; FileError if that fails."""
    with writing(Path(path)):
        Path(path).parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def errors_naming(path: str | os.PathLike[str], temporary: Path) -> Iterator[None]:
    """Let an error name the file that was asked for in place of the temporary one that stands for it."""
    try:
        yield
    except LayercliError as error:
        error.message = error.message.replace(str(temporary), os.fspath(path))
        raise


def real(path: str | os.PathLike[str]) -> Path:
    """Return the target of ``path`` with symbolic links followed."""
    return Path(os.path.realpath(path))


def replaceable(target: Path, *, follow: bool) -> os.stat_result | None:
    """Return the stat result of ``target``, or None if it does not exist; raise OSError if it must not be replaced.

    For a symbolic link that is itself replaced, nothing is kept.
    """
    try:
        status = os.stat(target, follow_symlinks=follow)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    os.close(
        os.open(target, os.O_WRONLY | os.O_NOFOLLOW)
    )  # replacing only needs write access to the folder, so check the file itself
    return status


def check_regular(file: Path) -> None:
    """Raise OSError unless there is a regular file, which a library may have created in place of the given one."""
    if not stat.S_ISREG(os.lstat(file).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def sync(path: Path) -> None:
    """Flush ``path``, a file or a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Flush ``folder`` and everything in it to disk."""
    for place, _, files in os.walk(folder):
        for file in files:
            sync(Path(place, file))
        sync(Path(place))
