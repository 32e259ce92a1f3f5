"""Several processes with one voice: how one that torchrun started says that something went wrong."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from layercli.errors import RankError

DELAY = 5.0
"""Seconds that other ranks leave to the first one: what went wrong for it too it has then said for all."""


def number() -> int:
    """Return the number of this rank, 0 for a process on its own."""
    return int(os.environ["RANK"]) if {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys() else 0


def error_prefix() -> str:
    """Return what an error begins with, when it is this rank's turn; torchrun ends those that the first has spoken for."""
    rank = number()
    if rank == 0:
        return ""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(DELAY)
    return f"rank {rank}: "


def notice_the_end() -> None:
    """Let the signal by which torchrun ends the ranks that are left say what happened; alone nothing changes."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        signal.signal(signal.SIGTERM, _end)


def _end(*_: Any) -> None:
    from layercli.cli import output

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    error = RankError.of_the_job()
    output.print_error(f"error: {error}")
    output.print_error(f"hint: {error.hint}")
    os._exit(RANK_GONE)


RANK_GONE = 2
