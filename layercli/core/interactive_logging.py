"""Whether training and callbacks print their messages, or log them: Keras's interactive logging."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

from layercli.escaping import printable

_logs = {"interactive": True, "in_line": False}
_is_command: ContextVar[bool] = ContextVar("_is_command", default=False)


def enable_interactive_logging() -> None:
    """Print the messages of training and of callbacks, which is the default."""
    _logs["interactive"] = True


def disable_interactive_logging() -> None:
    """Log the messages of training and of callbacks to the logger ``layercli`` of Python's ``logging``, at the level INFO."""
    _logs["interactive"] = False


def is_interactive_logging_enabled() -> bool:
    """Return whether messages are printed and not logged."""
    return _logs["interactive"]


def say(verbose: int, message: str) -> None:
    """Print a message as a line, or log it, unless ``verbose`` is 0."""
    if not verbose:
        return
    if is_interactive_logging_enabled():
        end_line()
        print(printable(message), file=messages(), flush=True)
    else:
        logging.getLogger("layercli").info("%s", printable(message))


def draw(line: str, *, ends: bool) -> None:
    """Print a line that is drawn again unless it ``ends`` here."""
    print(line, end="\n" if ends else "", file=messages(), flush=True)
    _logs["in_line"] = not ends


def end_line() -> None:
    """End the line that ``draw`` left open, if there is one."""
    if _logs["in_line"]:
        draw("", ends=True)


def messages() -> TextIO:
    """Return the stream for messages: stdout as in Keras, but stderr for a command, whose stdout is data."""
    return sys.stderr if _is_command.get() else sys.stdout


@contextmanager
def messages_on_stderr() -> Iterator[None]:
    """Let the messages of training and of callbacks go to stderr in this context."""
    token = _is_command.set(True)
    try:
        yield
    finally:
        _is_command.reset(token)
