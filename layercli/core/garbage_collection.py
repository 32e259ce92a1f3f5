"""Fewer searches for cycles while many objects are made that stay."""

from __future__ import annotations

import gc
import threading
from contextlib import ContextDecorator

OBJECTS = 200_000
"""After so many new objects Python looks for cycles: at its own 700, that takes a fifth of the loading of 10,000 layers."""


class RareCollections(ContextDecorator):
    """Look for cycles only after ``OBJECTS`` new objects, until the last of the threads that asked for it has left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before, *older = gc.get_threshold()
                if self._before:  # 0 is a collector that the caller has turned off
                    gc.set_threshold(max(self._before, OBJECTS), *older)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                gc.set_threshold(self._before, *gc.get_threshold()[1:])


rare_collections = RareCollections()
"""Around the making, saving and loading of a whole model."""
