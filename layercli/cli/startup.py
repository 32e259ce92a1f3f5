"""The process around a command that needs torch: into it and out of it without what only takes time."""

from __future__ import annotations

import atexit
import gc
import os
import sys


def import_torch() -> None:
    """Import torch, unless it is there, with the collector at rest: the half a million objects it makes all stay."""
    if "torch" in sys.modules:
        return
    gc.disable()
    try:
        import torch  # noqa: F401 - for those who import it after
    finally:
        gc.enable()
    gc.freeze()


class Leaving:
    """Leaves with ``code``, once it is set, after every other exit function, before torch is taken apart.

    Python calls exit functions in the order opposite to their registration, so this has to be made first.
    """

    code: int | None = None

    def __init__(self) -> None:
        atexit.register(self.leave)

    def leave(self) -> None:
        """Flush what was printed and end the process, if torch is in it; else Python's own way costs nothing."""
        if self.code is None or "torch" not in sys.modules:
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # Python says what it says of a broken stream
        os._exit(self.code)
