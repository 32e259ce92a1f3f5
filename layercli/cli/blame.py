"""Whose code an unexpected error comes from: ours, or a file the user gave."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

OF_NOBODY = sys.stdlib_module_names | {"torch", "numpy", "typer", "rich", "h5py", "safetensors"}
"""Modules that raise what their caller brought about."""


def place_in_users_code(error: Exception) -> str | None:
    """Return ``net.py, line 7`` where that line of the user's raises ``error``, None where layercli does."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        owner = frame.f_globals.get("__name__", "").partition(".")[0]
        if owner == "layercli":
            return None
        if owner not in OF_NOBODY:
            return f"{Path(frame.f_code.co_filename).name}, line {line}"
    return None
