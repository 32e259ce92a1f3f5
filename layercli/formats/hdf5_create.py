"""A new HDF5 file at a path, written so that a full disk is an OSError."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from layercli.formats.error_keeping import error_keeping


@contextmanager
def created(target: str | os.PathLike[str] | IO[bytes]) -> Iterator[Any]:
    """Yield a new ``h5py.File`` at a path or in an open file; OSError where it cannot be written."""
    import h5py

    if not isinstance(target, (str, os.PathLike)):
        with h5py.File(target, "w") as file:
            yield file
        return
    with open(target, "w+b", buffering=0) as stream, error_keeping(stream) as kept, h5py.File(kept, "w") as file:
        yield file
