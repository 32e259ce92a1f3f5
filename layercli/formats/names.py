"""Validate file names found inside files before anything is opened, written or removed because of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

LONGEST = 1024


def is_plain(name: Any) -> bool:
    """Whether ``name`` is a plain file name without a path.

    >>> is_plain("model-1.safetensors"), is_plain("../victim"), is_plain("a/b"), is_plain("")
    (True, False, False, False)
    """
    return is_relative(name) and "/" not in name and name != "."


def is_relative(name: object) -> bool:
    r"""Whether ``name`` is a path that stays in the folder it begins in: not absolute, without ``..``.

    >>> is_relative("parts/w.bin"), is_relative("parts/../w.bin"), is_relative("/etc/passwd"), is_relative("a\\b")
    (True, False, False, False)
    """
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST or any(c in name for c in "\\\0"):
        return False
    return not name.startswith("/") and ".." not in name.split("/")


def is_inside(folder: Path, place: Path) -> bool:
    """Whether ``place``, with symbolic links followed, is in ``folder``, or in the blob store of a Hugging Face cache.

    In such a cache a snapshot contains only links into the folder ``blobs`` of the same repository.
    """
    home, real = Path(os.path.realpath(folder)), Path(os.path.realpath(place))
    stores = [home]
    if home.parent.name == "snapshots":
        stores.append(home.parent.parent / "blobs")
    return any(real.is_relative_to(store) for store in stores)
