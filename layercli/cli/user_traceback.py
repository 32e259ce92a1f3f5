"""Whose code an unexpected error comes from: a file the user gave, whatever it called on the way, or ours alone."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from pathlib import Path
from types import FrameType

INSTALLED = (*(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")), "<")
"""Where Python keeps what others wrote; code that is in no file begins as the last one."""

OF_NOBODY = sys.stdlib_module_names | {"torch", "numpy", "typer", "click", "rich", "h5py", "safetensors"}
"""Packages that raise what their caller brought about."""

LONGEST = 500
"""How much of a message is shown."""


def user_frame(error: BaseException) -> str | None:
    """Return ``net.py, line 7``: the last line of the user's on the way to ``error``; None where it is layercli's own.

    A package that is installed counts as the user's, who named it, unless layercli was called on the way from there.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if owner(frame) not in OF_NOBODY]
    theirs = [each for each in frames if is_file_of_user(each[0])]
    for frame, line in reversed(theirs or frames[-1:]):
        if owner(frame) != "layercli":
            return f"{Path(frame.f_code.co_filename).name}, line {line}"
    return None


def owner(frame: FrameType) -> str:
    """Return the package whose code a frame runs."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def is_file_of_user(frame: FrameType) -> bool:
    """Whether a frame runs code from a file that is neither ours nor installed."""
    return owner(frame) != "layercli" and not frame.f_code.co_filename.startswith(INSTALLED)


def said(error: BaseException) -> str:
    """Return what kind of error it is and what it says, in one line."""
    words = " ".join(str(getattr(error, "msg", error)).split())
    shown = words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__
