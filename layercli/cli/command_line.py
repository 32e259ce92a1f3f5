"""What one command line has set: how much is said, in which format, and where data goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from typing import TextIO

from layercli.dataclass import dataclass


@dataclass
class CommandLine:
    """The state of a command that runs.

    ``format`` and ``limits`` are those given before the command's name, ``resume_hint`` the command that resumes interrupted
    work, if there is one, ``memory_hint`` what needs less memory, ``stdout`` the stream for data, None for Python's, and
    ``pager`` whether long tables may be paged.
    """

    quiet: bool = False
    debug: bool = False
    format: str | None = None
    limits: list[str] = field(default_factory=list)
    resume_hint: str | None = None
    memory_hint: str | None = None
    stdout: TextIO | None = None
    pager: bool = True


_running: ContextVar[CommandLine | None] = ContextVar("_running", default=None)


def current() -> CommandLine:
    """Return the state of the command that runs."""
    found = _running.get()
    if found is None:
        found = CommandLine()
        _running.set(found)
    return found


@contextmanager
def running(command_line: CommandLine) -> Iterator[None]:
    """Run the block with this command line as the current one."""
    before = _running.set(command_line)
    try:
        yield
    finally:
        _running.reset(before)
