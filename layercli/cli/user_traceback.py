"""Find the origin of an unexpected error: the user's file, including everything it called, or layercli."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from pathlib import Path
from types import FrameType

from layercli.errors import cut

INSTALLED = (*(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")), "<")
"""Folders of installed packages; code without a file has names that start like the last one."""

OF_NOBODY = sys.stdlib_module_names | {"torch", "numpy", "typer", "click", "rich", "h5py", "safetensors"}
"""Packages whose exceptions are caused by their callers."""


def user_frame(error: BaseException) -> str | None:
    """Return ``net.py, line 7``: the last user line on the way to ``error``; None if the error is layercli's own.

    An installed package counts as the user's code, unless layercli was called on the way from there.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if owner(frame) not in OF_NOBODY]
    theirs = [each for each in frames if is_file_of_user(each[0])]
    for frame, line in reversed(theirs or frames[-1:]):
        if owner(frame) != "layercli":
            return f"{Path(frame.f_code.co_filename).name}, line {line}"
    return None


def in_torch_module(error: BaseException) -> bool:
    """Whether a module of torch raised an error in its own ``forward``: one that a user put together, as a Sequential."""
    names = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    calls = [index for index, name in enumerate(names) if name == "torch.nn.modules.module"]
    return bool(calls) and not any(name.partition(".")[0] == "layercli" for name in names[calls[0] :])


def imported_package(error: BaseException) -> str | None:
    """Return the installed package whose import failed with an ImportError, or with an OSError for one of its libraries."""
    if not isinstance(error, ImportError | OSError):
        return None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        package = owner(frame)
        if package not in OF_NOBODY and is_file_of_user(frame):
            return None
        if frame.f_code.co_name == "<module>" and package not in {"layercli", *sys.stdlib_module_names}:
            return package
    return None


def owner(frame: FrameType) -> str:
    """Return the package of a frame's code."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def is_file_of_user(frame: FrameType) -> bool:
    """Whether a frame's code is in a file that is neither layercli's nor installed."""
    return owner(frame) != "layercli" and not frame.f_code.co_filename.startswith(INSTALLED)


def described(error: BaseException) -> str:
    """Return the type and the message of an error, on one line."""
    words = " ".join(str(getattr(error, "msg", error)).split())
    return cut(f"{type(error).__name__}: {words}" if words else type(error).__name__)


def module_in(error: BaseException) -> str:
    """Return which module inside a torch module raised an error, as ``, in head (Linear)``; an empty text where none did."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_name == "_call_impl"]
    calls = [frame.f_locals["self"] for frame in frames if frame.f_globals.get("__name__") == "torch.nn.modules.module"]
    if len(calls) < 2:
        return ""
    path = next((name for name, each in calls[0].named_modules() if each is calls[-1]), "")
    return f", in {path} ({type(calls[-1]).__name__})" if path else ""
