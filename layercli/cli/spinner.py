"""A spinner on stderr, on terminals only, shown after half a second without output."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

PATIENCE = 0.5
"""Seconds without a sign before the spinner appears."""

FRAME = 0.2
"""Seconds between two frames."""

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
ASCII_FRAMES = "|/-\\"
ERASE = "\r\x1b[K"


class Spinner:
    """Draws on ``stream`` while nothing else is written there; other output erases it first and restarts the delay."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.started = self.seen = time.monotonic()
        self.drawn = False
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.turn, daemon=True, name="spinner")

    def turn(self) -> None:
        """Draw frames until the end."""
        encoding = (getattr(self.stream, "encoding", None) or "ascii").lower()
        frames = FRAMES if encoding.startswith("utf") else ASCII_FRAMES
        count = 0
        while not self.ended.wait(FRAME):
            now = time.monotonic()
            if now - self.seen < PATIENCE:
                continue
            with self.lock:
                if self.ended.is_set():
                    return
                self.stream.write(f"{ERASE}{frames[count % len(frames)]} {now - self.started:.0f} s")
                self.stream.flush()
                self.drawn = True
            count += 1

    def erase(self) -> None:
        """Erase the spinner before other output."""
        with self.lock:
            if self.drawn:
                self.stream.write(ERASE)
                self.stream.flush()
                self.drawn = False
            self.seen = time.monotonic()

    def stop(self) -> None:
        """Erase it and stop."""
        self.ended.set()
        self.erase()


class Watched:
    """A stream that erases the spinner before anything is written to it."""

    def __init__(self, stream: TextIO, spinner: Spinner) -> None:
        self._stream, self._spinner = stream, spinner

    def write(self, text: str) -> int:
        """Erase the spinner, then write."""
        with self._spinner.lock:
            self._spinner.erase()
            return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


current: Spinner | None = None


@contextmanager
def spinning(*, wanted: bool) -> Iterator[None]:
    """Show the spinner while the block prints nothing, if ``wanted``."""
    global current
    if not wanted:
        yield
        return
    stream = sys.stderr
    current = Spinner(stream)
    sys.stderr = Watched(stream, current)  # what it has not of its own is the stream's
    current.thread.start()
    try:
        yield
    finally:
        current.stop()
        sys.stderr, current = stream, None


def stop() -> None:
    """Stop the spinner, if any: other progress output follows."""
    if current is not None:
        current.stop()


def pause() -> None:
    """Erase the spinner before output on another stream of the same terminal."""
    if current is not None:
        current.erase()
