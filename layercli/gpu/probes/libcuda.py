"""CUDA's driver library: whether it loads, and its CUDA version. Nothing is initialised."""

from __future__ import annotations

import ctypes
import sys


def read(notes: list[str], name: str | None = None) -> tuple[bool, str | None]:
    """Return whether the library loads, and its CUDA version, such as ``("13.0")``, if it reports one."""
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
        notes.append("libcuda does not report its version")
        return True, None
    return True, version(number.value)


def version(number: int) -> str:
    """Return CUDA's version number in the usual form: ``version(12040)`` is ``"12.4"``."""
    return f"{number // 1000}.{number % 1000 // 10}"
