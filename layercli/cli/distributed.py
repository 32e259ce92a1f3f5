"""Errors under torchrun: only one of several ranks reports an error."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from layercli.errors import RankError

DELAY = 5.0
"""Seconds the other ranks wait, so that an error common to all ranks is reported by the first rank only."""


def number() -> int:
    """Return the rank of this process; 0 for a single process."""
    text = os.environ.get("RANK", "") if {"WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys() else ""
    return int(text) if text.isdecimal() else 0  # where it is no number, the error comes when the group is joined


def size() -> int:
    """Return the number of ranks that torchrun started; 1 for a single process."""
    text = os.environ.get("WORLD_SIZE", "") if {"RANK", "MASTER_ADDR"} <= os.environ.keys() else ""
    return int(text) if text.isdecimal() else 1


def error_prefix() -> str:
    """Return the prefix of error messages when it is this rank's turn; torchrun ends the ranks that wait."""
    rank = number()
    if rank == 0:
        return ""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(DELAY)
    return f"rank {rank}: "


def notice_the_end() -> None:
    """Make the signal by which torchrun ends the remaining ranks print a message; a single process is unaffected.

    Only rank 0 prints: if it was the one that exited, it has printed its own error, or torchrun names the signal.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        signal.signal(signal.SIGTERM, _end)


def _end(*_: Any) -> None:
    from layercli.cli import output

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if number() == 0:
        error = RankError.of_the_job()
        output.print_error(f"error: {error}")
        output.print_error(f"hint: {error.hint}")
    os._exit(RANK_GONE)


RANK_GONE = 2
