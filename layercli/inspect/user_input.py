"""A model that asks for input while it is imported, created or called is refused: a command has no answer to give."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from layercli.errors import UsageError


@contextmanager
def without_input() -> Iterator[None]:
    """Let ``input()`` and reading of standard input raise UsageError with its line; a debugger still reads its commands."""
    ask, stream = builtins.input, sys.stdin

    def refuse(*prompt: object) -> str:
        if not _is_debugger(sys._getframe(1)):
            raise _refusal(sys._getframe(1))
        with _restored(stream):
            return ask(*prompt)

    builtins.input, sys.stdin = refuse, _Unreadable(stream)
    try:
        yield
    finally:
        builtins.input, sys.stdin = ask, stream


class _Unreadable:
    """Standard input that refuses to be read, but by a debugger."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        caller = sys._getframe(1)
        if name.startswith("read") and not _is_debugger(caller):
            raise _refusal(caller)
        return getattr(self._stream, name)

    def __iter__(self) -> object:
        raise _refusal(sys._getframe(1))


def _is_debugger(caller: FrameType) -> bool:
    """Whether the command loop of pdb asks."""
    return caller.f_globals.get("__name__") in ("cmd", "pdb")


def _refusal(caller: FrameType) -> UsageError:
    place = f"{Path(caller.f_code.co_filename).name}, line {caller.f_lineno}"
    return UsageError(
        f"{place}, asks for input, which a model that is opened does not get", hint="make it an argument: --set"
    )


@contextmanager
def _restored(stream: object) -> Iterator[None]:
    """Give back standard input while a debugger reads a command."""
    refusing, sys.stdin = sys.stdin, stream
    try:
        yield
    finally:
        sys.stdin = refusing
