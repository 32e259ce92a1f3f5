"""A model that asks for input while it is imported or created is refused: a command has no answer to give."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from layercli.errors import UsageError


@contextmanager
def without_input() -> Iterator[None]:
    """Let ``input()`` raise UsageError that names its line; a debugger still reads its commands."""
    ask = builtins.input

    def refuse(*prompt: Any) -> str:
        caller = sys._getframe(1)
        if caller.f_globals.get("__name__") == "cmd":  # the command loop of pdb
            return ask(*prompt)
        place = f"{Path(caller.f_code.co_filename).name}, line {caller.f_lineno}"
        raise UsageError(
            f"{place}, asks for input, which a model that is opened does not get", hint="make it an argument: --set"
        )

    builtins.input = refuse
    try:
        yield
    finally:
        builtins.input = ask
