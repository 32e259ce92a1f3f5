"""How much memory this process may still take: what the machine has free, and what its container leaves of that."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
LIMITS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
"""The files that hold a container's limit and its use, of both generations of control groups."""

UNKNOWN = 4 << 30
"""What is taken to be free where the system does not tell."""


def free_memory(cgroup: Path = CGROUP) -> int:
    """Return the bytes that are free."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        free = UNKNOWN
    left = [number(cgroup / limit) - number(cgroup / use) for limit, use in LIMITS if number(cgroup / limit)]
    return max(min([free, *left]), 0)


def number(path: Path) -> int:
    """Return the number in a file; 0 where there is none, as in ``max``."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return 0
    return int(text) if text.isdigit() else 0
