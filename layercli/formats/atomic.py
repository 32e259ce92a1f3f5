"""Writing a file so that whoever reads it finds the old content or the new, whole, whatever happens.

Every file that layercli writes is written here, or by ``rows`` and ``checkpoint`` with what is here.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from layercli.formats.os_errors import writing
from layercli.formats.temporary import create, create_beside, create_folder_beside, imitate, sweep


@contextmanager
def replacing(path: str | os.PathLike[str], *, follow: bool = True) -> Iterator[BinaryIO]:
    """Give a binary file whose content takes the place of ``path`` when the body ends without an exception.

    On any exception ``path`` stays as it was, and nothing is left beside it. The permissions of a file that is
    replaced are kept, and a symbolic link keeps pointing where it did; without ``follow`` it is the link that is replaced.
    Raises FileError if it cannot be written.

    >>> with replacing("notes.txt") as file:
    ...     _ = file.write(b"whole or not at all")
    """
    with writing(Path(path)):
        target = real(path) if follow else real(Path(path).parent) / Path(path).name
        like = replaceable(target, follow=follow)
        sweep(target.parent)
        temporary, descriptor = create_beside(target, like)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                file.flush()
                sync(temporary)
                os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync(target.parent)


@contextmanager
def staged(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of an empty file that takes the place of ``path``, as ``replacing`` does.

    This is for libraries that want to open, or to replace, the file themselves. Until then it is in a folder that
    nobody else may enter.
    """
    with writing(Path(path)):
        target = real(path)
        like = replaceable(target, follow=True)
        sweep(target.parent)
        folder, descriptor = create_folder_beside(target)
        try:
            temporary = folder / target.name
            os.close(create(temporary, like))
            wanted = os.lstat(temporary)
            yield temporary
            check_regular(temporary)
            imitate(temporary, wanted)
            sync(temporary)
            os.replace(temporary, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)
        sync(target.parent)


def real(path: str | os.PathLike[str]) -> Path:
    """Return where ``path`` leads when its symbolic links are followed."""
    return Path(os.path.realpath(path))


def replaceable(target: Path, *, follow: bool) -> os.stat_result | None:
    """Return what the file ``target`` is, None if there is none yet, or raise OSError if it is not to be replaced.

    Of a symbolic link that is itself replaced, nothing is kept.
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
    )  # replacing asks leave of the folder only, so the file is asked
    return status


def check_regular(file: Path) -> None:
    """Raise OSError unless there is a regular file, which a library may have put in the place of the one it was given."""
    if not stat.S_ISREG(os.lstat(file).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def sync(path: Path) -> None:
    """Wait until ``path``, a file or a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Wait until all that is in ``folder``, and it itself, is on the disk."""
    for place, _, files in os.walk(folder):
        for file in files:
            sync(Path(place, file))
        sync(Path(place))
