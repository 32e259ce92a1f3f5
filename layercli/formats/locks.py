"""A target that one process writes at a time: the second one is told which process has it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from layercli.errors import FileError
from layercli.formats.os_errors import writing
from layercli.formats.temporary import is_at

TRIES = 5
_held: Counter[Path] = Counter()
"""The locks of this process, which may lock again what it has."""


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep other processes from writing ``path``, a file or a folder, meanwhile; FileError says which of them has it.

    The lock is a file beside ``path``, gone at the end; that of a process that was killed is no lock. Where the file
    system knows no locks, nothing is locked.
    """
    with writing(Path(path)):
        lock = lock_of(path)
        descriptor = None if _held[lock] else taken(lock, os.fspath(path))
    _held[lock] += 1
    try:
        yield
    finally:
        _held[lock] -= 1
        if descriptor is not None:
            with suppress(OSError):
                lock.unlink()
            os.close(descriptor)


def lock_of(path: str | os.PathLike[str]) -> Path:
    """Return the file that is the lock of ``path``: in the same folder, by a digest, as a name may be as long as it can."""
    target = Path(os.path.realpath(path))
    return target.parent / f".layercli-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}.lock"


def taken(lock: Path, path: str) -> int:
    """Return the descriptor of the lock, which this process has from now on; FileError where another one has it."""
    refused = 0
    while True:
        descriptor = opened(lock)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).strip()
            os.close(descriptor)
            refused += 1
            if refused < TRIES:  # somebody may just be looking whether it was left
                time.sleep(0.01)
                continue
            who = f"process {int(holder)}" if holder.isdigit() else "another process"
            raise FileError(f"{path} is being written by {who}", hint="wait for it, or write to another name") from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS):
                raise
        if is_at(descriptor, lock):
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor
        os.close(descriptor)  # its process has removed it since it was opened


def opened(lock: Path) -> int:
    """Return the descriptor of the file of a lock, made if it is not there; another user's is opened for reading alone."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(lock, flags | os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        return os.open(lock, flags | os.O_RDONLY)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.EINVAL, f"its lock {lock.name} is a symbolic link") from None
        raise
