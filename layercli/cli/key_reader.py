"""How ``layercli explore`` reads keys: as textual does, but Escape alone is recognised sooner."""

from __future__ import annotations

import os
from codecs import getincrementaldecoder
from select import select

from textual._xterm_parser import XTermParser
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver

SELDOM = 0.1
"""Seconds between two looks whether the app has ended."""


class KeyReader(LinuxDriver):
    """Looks as soon as ESCAPE_DELAY is over whether more followed an escape character, where textual looks SELDOM."""

    def run_input_thread(self) -> None:
        """Give the app what is typed, until it ends."""
        parser, decode = XTermParser(), getincrementaldecoder("utf-8")(errors="replace").decode
        typed = ""
        while not self.exit_event.is_set():
            wait = ESCAPE_DELAY + 0.001 if typed.endswith("\x1b") else SELDOM
            typed = decode(os.read(self.fileno, 4096)) if select([self.fileno], [], [], wait)[0] else ""
            for event in (*(parser.feed(typed) if typed else ()), *parser.tick()):
                self.process_message(event)
