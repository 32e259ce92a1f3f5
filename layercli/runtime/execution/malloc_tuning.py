"""Raise glibc's trim and mmap thresholds so that freed buffers are reused between steps.

By default glibc returns each block of more than a few hundred kilobytes to the system when it is freed, and the next step
pays the page faults again: a third of the time of a small CNN. CUDA's allocator keeps its blocks too.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
MOST_KEPT, LARGEST = 2**31 - 1, 32 * 2**20
"""The trim threshold and the mmap threshold: the largest values glibc accepts."""


@cache
def keep_freed_memory() -> bool:
    """Configure the C library to keep freed memory, once; return whether it does.

    Nothing is changed for C libraries other than glibc, or if the user configured malloc by the environment.
    """
    library = glibc()
    if library is None or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    return bool(library.mallopt(MMAP_THRESHOLD, LARGEST) and library.mallopt(TRIM_THRESHOLD, MOST_KEPT))


def give_back() -> None:
    """Return free memory to the system: an allocation failed."""
    library = glibc()
    if library is not None:
        library.malloc_trim(0)


def glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc."""
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such library
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None
