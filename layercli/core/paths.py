"""Arguments that name a file or a folder."""

from __future__ import annotations

import os

from layercli.errors import ArgumentTypeError


def path_text(path: object, name: str = "filepath") -> str:
    """Return a path, text or a PathLike, as text; ArgumentTypeError for anything else. ``name`` is that of the argument.

    >>> path_text("model.keras")
    'model.keras'
    """
    found = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(found, str):
        raise ArgumentTypeError(f"{name} is text or a pathlib.Path, got {path!r}")
    return found
