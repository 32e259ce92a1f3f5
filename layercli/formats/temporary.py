"""Temporary files beside a target: their names, their creation and their removal.

Each is locked while its process lives. The files of killed processes are therefore recognised, and removed by the next process
that writes in the folder.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OWN = re.compile(r"\.layercli-\d+-[0-9a-f]{16}\.tmp|\.layercli-[0-9a-f]{16}\.lock")
"""The pattern of layercli's temporary names."""
NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_RDWR | os.O_CLOEXEC
"""The open flags for a file that must not exist, not even as a symbolic link."""


def create(path: Path, like: os.stat_result | None) -> int:
    """Create the empty file ``path``, which must not exist, and return its descriptor.

    It has the permissions of ``like``, or those of any new file, before anything is written to it.
    """
    descriptor = os.open(path, NEW, 0o666 if like is None else 0o600)
    try:
        if like is not None:
            imitate(descriptor, like)
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise
    return descriptor


def imitate(file: int | Path, like: os.stat_result) -> None:
    """Set a file's permissions, and if allowed owner and group, to those in ``like``."""
    now = os.stat(file)
    if (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid):
        with suppress(OSError):
            os.chown(file, like.st_uid, like.st_gid)
    os.chmod(file, stat.S_IMODE(like.st_mode))


@contextmanager
def file_beside(target: Path, like: os.stat_result | None) -> Iterator[tuple[Path, int]]:
    """Yield the path and the locked descriptor of a new empty file in the folder of ``target``.

    On an exception, an interrupt while it is created too, the file is removed.
    """
    path, descriptor = new_name(target.parent), None
    try:
        while True:
            descriptor = create(path, like)
            if hold(descriptor, path):
                break
            os.close(descriptor)
            path = new_name(target.parent)
        yield path, descriptor
    except BaseException as error:
        if descriptor is not None or not isinstance(error, FileExistsError):  # a name that is taken is not ours
            with suppress(OSError):
                path.unlink()
        raise


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """Yield a new locked folder beside ``target`` that only its owner may enter; in the end it is removed."""
    path, descriptor = new_name(target.parent), None
    try:
        while (descriptor := create_folder(path)) is None:
            path = new_name(target.parent)
        yield path
    finally:
        if descriptor is not None or not isinstance(
            sys.exception(), FileExistsError
        ):  # a name that is taken is not ours
            shutil.rmtree(path, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def create_folder(path: Path) -> int | None:
    """Create the folder ``path`` and return a locked descriptor; None if another process removed it before it was locked."""
    path.mkdir(0o700)
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        if hold(descriptor, path):
            return descriptor
        os.close(descriptor)
    return None


def new_name(folder: Path) -> Path:
    """Return an unpredictable path in ``folder`` that is recognisable as layercli's."""
    return folder / f".layercli-{os.getpid()}-{os.urandom(8).hex()}.tmp"


def hold(descriptor: int, path: Path) -> bool:
    """Lock an open file; return whether it is locked and still the file at ``path``.

    On file systems without locks no file counts as stale.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return is_at(descriptor, path)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one at ``path``."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes of this user left in ``folder``."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if OWN.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                remove_if_left(Path(entry.path))


def remove_if_left(path: Path) -> None:
    """Remove a temporary file or folder whose process has ended, according to its lock."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(descriptor)
