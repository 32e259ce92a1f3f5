"""CUDA's driver library: whether it can be loaded, and which CUDA it speaks. Nothing is initialised."""

from __future__ import annotations

import ctypes
import sys


def read(notes: list[str], name: str | None = None) -> tuple[bool, str | None]:
    """Return whether the library loads, and its CUDA version, such as ``("13.0")``, where it tells."""
    try:
        library = ctypes.CDLL(name or ("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"))
    except OSError:
        return False, None
    number = ctypes.c_int()
    try:
        status = library.cuDriverGetVersion(ctypes.byref(number))
    except AttributeError:
        status = -1
    if status != 0 or number.value <= 0:
        notes.append("libcuda does not tell its version")
        return True, None
    return True, version(number.value)


def version(number: int) -> str:
    """Return CUDA's version number as people write it: ``version(12040)`` is ``"12.4"``."""
    return f"{number // 1000}.{number % 1000 // 10}"
