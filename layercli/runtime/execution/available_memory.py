"""The memory this process may still allocate: free memory of the machine, limited by its container."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
LIMITS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
"""The files with a container's memory limit and use, for cgroup v2 and v1."""

UNKNOWN = 4 << 30
"""The free memory assumed if the system does not report it."""


def free_memory(cgroup: Path = CGROUP) -> int:
    """Return the number of free bytes."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        free = UNKNOWN
    left = [number(cgroup / limit) - number(cgroup / use) for limit, use in LIMITS if number(cgroup / limit)]
    return max(min([free, *left]), 0)


def number(path: Path) -> int:
    """Return the number in a file; 0 if it has none, as in ``max``."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return 0
    return int(text) if text.isdigit() else 0
