"""The spinner: on a terminal, in silences alone, and never in the way of what is written."""

from __future__ import annotations

import io
import sys
import threading

from layercli.cli import spinner
from layercli.cli.spinner import ERASE, Spinner, Watched, spinning


class Signalling(io.StringIO):
    """A stream that says when something was written."""

    encoding = "utf-8"  # not what StringIO has

    def __init__(self):
        super().__init__()
        self.written = threading.Event()

    def write(self, text):
        self.written.set()
        return super().write(text)


def test_a_silence_is_filled_and_what_is_written_stands_alone(monkeypatch):
    monkeypatch.setattr(spinner, "PATIENCE", 0.0)
    monkeypatch.setattr(spinner, "FRAME", 0.001)
    stream = Signalling()
    monkeypatch.setattr(sys, "stderr", stream)
    with spinning(wanted=True):
        assert stream.written.wait(30)
        print("running on cpu", file=sys.stderr)
    assert sys.stderr is stream
    shown = stream.getvalue()
    assert shown.startswith(f"{ERASE}⠋ 0 s")
    assert f"{ERASE}running on cpu\n" in shown
    assert shown.endswith((ERASE, "\n"))


def test_where_it_is_not_wanted_nothing_is_touched(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with spinning(wanted=False):
        assert sys.stderr is stream
        spinner.pause()
        spinner.stop()
    assert stream.getvalue() == ""


def test_a_short_silence_stays_one():
    stream = io.StringIO()
    turning = Spinner(stream)
    turning.thread.start()
    turning.stop()
    turning.thread.join(30)
    assert stream.getvalue() == ""
    assert Watched(stream, turning).isatty() is False


def test_letters_of_an_ascii_terminal(monkeypatch):
    monkeypatch.setattr(spinner, "PATIENCE", 0.0)
    monkeypatch.setattr(spinner, "FRAME", 0.001)
    stream = Signalling()
    stream.encoding = "ascii"
    turning = Spinner(stream)
    turning.thread.start()
    assert stream.written.wait(30)
    turning.stop()
    turning.thread.join(30)
    assert stream.getvalue().isascii()
