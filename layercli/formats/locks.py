"""Lock targets so that only one process writes each at a time; the error names the process that holds the lock."""

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
"""The locks held by this process; they are reentrant."""


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Lock ``path``, a file or a folder, against other processes; FileError names the process that holds the lock.

    The lock is a file beside ``path``, removed at the end; a lock left by a killed process has no effect. On file systems
    without locks, nothing is locked.
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
    """Return the lock file for ``path``: in the same folder, named by a digest because names may have maximum length."""
    target = Path(os.path.realpath(path))
    return target.parent / f".layercli-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}.lock"


def taken(lock: Path, path: str) -> int:
    """Acquire the lock and return its descriptor; FileError if another process holds it."""
    refused = 0
    while True:
        descriptor = opened(lock)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).strip()
            os.close(descriptor)
            refused += 1
            if refused < TRIES:  # another process may be testing whether the lock is stale
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
        os.close(descriptor)  # its process removed it after it was opened


def opened(lock: Path) -> int:
    """Return the descriptor of a lock file, created if missing; another user's is opened read-only."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(lock, flags | os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        return os.open(lock, flags | os.O_RDONLY)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.EINVAL, f"its lock {lock.name} is a symbolic link") from None
        raise
