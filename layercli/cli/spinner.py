"""A spinner on stderr, on a terminal alone, where nothing has been shown for half a second: work goes on."""

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
    """Draws on ``stream`` while nobody else writes there; whatever is written erases it first, and restarts the clock."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.started = self.seen = time.monotonic()
        self.drawn = False
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.turn, daemon=True, name="spinner")

    def turn(self) -> None:
        """Draw a frame now and then, until the end."""
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
        """Take the spinner off the screen, for what is written now."""
        with self.lock:
            if self.drawn:
                self.stream.write(ERASE)
                self.stream.flush()
                self.drawn = False
            self.seen = time.monotonic()

    def stop(self) -> None:
        """Take it off for good."""
        self.ended.set()
        self.erase()


class Watched:
    """A stream that erases the spinner before anything is written to it."""

    def __init__(self, stream: TextIO, spinner: Spinner) -> None:
        self._stream, self._spinner = stream, spinner

    def write(self, text: str) -> int:
        """Write, with the spinner out of the way."""
        with self._spinner.lock:
            self._spinner.erase()
            return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


current: Spinner | None = None


@contextmanager
def spinning(*, wanted: bool) -> Iterator[None]:
    """Spin in the silences of the block, if that is ``wanted``; stderr is watched meanwhile."""
    global current
    if not wanted:
        yield
        return
    stream = sys.stderr
    current = Spinner(stream)
    sys.stderr = Watched(stream, current)  # type: ignore[assignment]  # what it has not of its own is the stream's
    current.thread.start()
    try:
        yield
    finally:
        current.stop()
        sys.stderr, current = stream, None


def stop() -> None:
    """Stop the spinner, where there is one: what shows progress from here on is something else."""
    if current is not None:
        current.stop()


def pause() -> None:
    """Take the spinner off the screen, for what is written to another stream of the same terminal."""
    if current is not None:
        current.erase()
