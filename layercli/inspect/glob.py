"""Select paths by a pattern from the command line."""

from __future__ import annotations

import fnmatch


def matches(path: str, pattern: str) -> bool:
    """Whether ``path`` matches: a shell pattern if it contains ``*``, ``?`` or ``[``, else a part of the path.

    >>> matches("encoder/dense/kernel", "dense"), matches("encoder/dense/kernel", "*bias")
    (True, False)
    """
    shell = pattern if any(mark in pattern for mark in "*?[") else f"*{pattern}*"
    return fnmatch.fnmatchcase(path, shell)
