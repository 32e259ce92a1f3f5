"""Whether training and callbacks print their messages, or log them: Keras's interactive logging."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from layercli.escaping import printable

_logs = {"interactive": True}


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
    """Print a message as a line, or log it, unless ``verbose`` is 0: on stderr, or in a notebook on stdout."""
    if not verbose:
        return
    if is_interactive_logging_enabled():
        print(printable(message), file=messages(), flush=True)
    else:
        logging.getLogger("layercli").info("%s", printable(message))


def messages() -> TextIO:
    """Return the stream for messages: stderr, but stdout in a notebook, which shows stderr as an error."""
    return sys.stdout if "ipykernel" in sys.modules else sys.stderr
