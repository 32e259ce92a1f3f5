"""Start and end a process without wasting time."""

from __future__ import annotations

import atexit
import gc
import os
import sys


def import_torch() -> None:
    """Import torch with the garbage collector paused: none of the half a million objects it creates is garbage."""
    if "torch" in sys.modules:
        return
    gc.disable()
    try:
        import torch  # noqa: F401 - cached for later imports
    finally:
        gc.enable()
    gc.freeze()
    collect_rarely(after=50_000)  # a cycle may hold tensors


def collect_rarely(after: int = 1_000_000) -> None:
    """Look for cycles only after many new objects: what is listed of a large file are objects that stay."""
    gc.set_threshold(after, 20, 20)


class Leaving:
    """End the process with ``code``, once it is set, after every other exit function and before modules are torn down.

    Python calls exit functions in reverse order of registration, so this one must be registered first.
    """

    code: int | None = None

    def __init__(self) -> None:
        atexit.register(self.leave)

    def leave(self) -> None:
        """Flush the output and end the process at once: a last search for cycles takes a tenth of the time of a summary."""
        if self.code is None:
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # Python reports the broken stream itself
        os._exit(self.code)
