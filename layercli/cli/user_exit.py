"""The code of a user's model must not end the process: a script would take its exit code for that of the command."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class UserExitError(Exception):
    """The code of a user's model tried to end the process."""

    def __init__(self, left: SystemExit) -> None:
        super().__init__(f"it leaves with exit code {left.code or 0!r}")
        self.left = left


@contextmanager
def exits_refused() -> Iterator[None]:
    """Raise UserExitError where a user's code raises SystemExit or calls ``os._exit``, which would skip every message.

    ``os._exit`` stays what it is in layercli itself and in child processes. In a thread, where SystemExit would end the thread
    alone, the process ends with a sentence and exit code 2.
    """
    leave, process = os._exit, os.getpid()

    def refuse(status: Any = 0) -> None:
        own = str(sys._getframe(1).f_globals.get("__name__")).partition(".")[0] == "layercli"
        if own or os.getpid() != process:
            leave(status)
        if threading.current_thread() is not threading.main_thread():
            print(f"error: the model, in a thread, leaves with exit code {status!r}", file=sys.stderr, flush=True)
            leave(2)
        raise SystemExit(status)

    os._exit = refuse  # type: ignore[assignment]
    try:
        yield
    except SystemExit as left:
        raise UserExitError(left) from left
    finally:
        os._exit = leave
