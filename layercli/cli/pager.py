"""A pager for what is longer than the terminal, as git's: ``$PAGER``, or less; never in a pipe, in CI, or after --no-pager."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from typing import TextIO

from layercli.cli import command_line, spinner

LESS = "FRX"
"""The options of less if the user has set none: end if it fits, show colours, leave the text on the screen."""


def show(text: str, height: int, stream: TextIO) -> None:
    """Write ``text`` to ``stream``, through the pager if it has more lines than the terminal and a pager is wanted."""
    if text.count("\n") < height or not wanted(stream) or not page(text, stream):
        stream.write(text)
        stream.flush()


def wanted(stream: TextIO) -> bool:
    """Whether a person can page: both ends are a terminal, and neither CI nor ``--no-pager`` says otherwise."""
    by_hand = stream.isatty() and sys.stdin is not None and sys.stdin.isatty()
    return by_hand and command_line.current().pager and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def command() -> list[str]:
    """Return the command of the pager, or nothing: an empty ``$PAGER`` and ``cat`` mean none."""
    try:
        words = shlex.split(os.environ.get("PAGER", "less"))
    except ValueError:  # an open quote
        words = []
    return words if words and words != ["cat"] and shutil.which(words[0]) else []


def page(text: str, stream: TextIO) -> bool:
    """Show ``text`` in the pager until it is closed; whether there is one."""
    if not (words := command()):
        return False
    spinner.stop()
    stream.flush()
    environment = {**os.environ, "LESS": os.environ.get("LESS", LESS), "LV": os.environ.get("LV", "-c")}
    encoding = getattr(stream, "encoding", None) or "utf-8"
    shown = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=stream, env=environment)
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None  # Ctrl-C is the pager's
    try:
        shown.communicate(text.encode(encoding, "backslashreplace"))
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
    return True
