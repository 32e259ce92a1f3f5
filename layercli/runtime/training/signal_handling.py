"""Defer Ctrl-C until the current step ends, so that saved weights and the step count agree."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from layercli.runtime.distributed.process_group import Group

BETWEEN = 0.25
"""Seconds between two checks among ranks for an interruption of any of them."""


class Interruption:
    """Whether Ctrl-C was pressed inside ``awaited``, for code that checks between steps; a second Ctrl-C interrupts at once.

    Several ranks stop after the same step: they exchange the flag about every ``BETWEEN`` seconds, counted in steps.
    With several ranks a second signal is ignored, because torchrun may send two.
    """

    def __init__(self, group: Group | None = None) -> None:
        self.group = group
        self.begun = self.pressed = False
        self._every = self._left = 1
        self._asked = time.perf_counter()

    def wanted(self) -> bool:
        """Return whether to stop now, between two steps."""
        self.begun = True
        return self.pressed if self.group is None else self._agreed(self.group)

    def _agreed(self, group: Group) -> bool:
        """Return whether Ctrl-C was pressed on any rank; every rank gets the answer at the same step."""
        self._left -= 1
        if self._left:
            return False
        now = time.perf_counter()
        [summed] = group.sum([torch.tensor([float(self.pressed), now - self._asked], dtype=torch.float64)])
        pressed, seconds = summed.tolist()
        self._asked = now
        self._every = self._left = max(int(self._every * BETWEEN * group.size / max(seconds, 1e-9)), 1)
        return bool(pressed)

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Handle Ctrl-C within the block, if this is the main thread."""

        def press(number: int, frame: object) -> None:
            if not self.begun or (self.pressed and self.group is None):
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
