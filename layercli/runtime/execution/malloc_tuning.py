"""Memory that is freed stays with a process that trains or predicts: each step makes the same large tensors anew.

glibc gives every block of more than a few hundred kilobytes back to the system when it is freed, and the next step pays for
each of its pages again: a third of the time of a small CNN. CUDA's allocator keeps its blocks too.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
MOST_KEPT, LARGEST = 2**31 - 1, 32 * 2**20
"""What stays at the most, and the largest block that is kept: more glibc does not take."""


@cache
def keep_freed_memory() -> bool:
    """Have the C library keep what is freed, once; return whether it does.

    It does not where the library is another than glibc, or the user has set it up by the environment.
    """
    library = glibc()
    if library is None or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    return bool(library.mallopt(MMAP_THRESHOLD, LARGEST) and library.mallopt(TRIM_THRESHOLD, MOST_KEPT))


def give_back() -> None:
    """Have the C library give the system what is free after all: memory did not suffice."""
    library = glibc()
    if library is not None:
        library.malloc_trim(0)


def glibc() -> ctypes.CDLL | None:
    """Return the C library, where it is glibc."""
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such library
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None
