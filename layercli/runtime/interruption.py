"""Ctrl-C that waits for the step that runs, so that the weights and the count of the steps agree in what is saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layercli.callbacks.callback import Callback, Logs


class Interruption(Callback):
    """Raises KeyboardInterrupt between two steps once Ctrl-C was pressed while it was ``awaited``; a second one at once."""

    def __init__(self) -> None:
        self.heard = self.pressed = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """From now on there are steps to wait for."""
        self.heard = True

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Stop between two steps."""
        if self.pressed:
            raise KeyboardInterrupt

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Stop between two batches of the validation."""
        if self.pressed:
            raise KeyboardInterrupt

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Listen for Ctrl-C, where this is the thread that hears of it."""

        def press(number: int, frame: Any) -> None:
            if self.pressed or not self.heard:
                raise KeyboardInterrupt
            self.pressed = True

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, press)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
