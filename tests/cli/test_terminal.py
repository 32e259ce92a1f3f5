"""On a terminal, off it, without colour, and what the shell completes."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys

import pytest

from layercli.cli import command_line, pager
from layercli.render.byte_progress import byte_progress

SPINNER = re.compile(r"(\r\x1b\[K. [0-9]+ s)*\r\x1b\[K")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(*args, code=0, **environment):
    """Run a command on a pseudo-terminal, where it exits with ``code``, and return what it showed."""
    leader, follower = pty.openpty()
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TERM": "xterm-256color", **environment}
    process = subprocess.Popen([sys.executable, "-m", "layercli", *args], stdout=follower, stderr=follower, env=env)
    os.close(follower)
    shown = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # the other end was closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(leader)
    assert process.wait(timeout=60) == code
    return SPINNER.sub("", shown.decode().replace("\r\n", "\n"))


def test_explore_draws_into_no_log():
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "layercli", "explore", "lenet"]
    done = subprocess.run(command, stdin=follower, stdout=follower, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(follower)
    os.close(leader)
    assert (done.returncode, done.stderr) == (
        2,
        "error: explore needs a terminal\nhint: layercli summary lenet --depth 9\n",
    )


def test_a_terminal_gets_a_table_with_colour():
    shown = on_terminal("summary", "resnet-block", COLUMNS="80")
    assert ESCAPE.search(shown)
    assert "─" in shown
    assert max(len(line) for line in ESCAPE.sub("", shown).splitlines()) <= 80


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colour_where_none_is_wanted(environment):
    shown = on_terminal("summary", "resnet-block", COLUMNS="80", **environment)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", shown)
    assert "conv2a (Conv2D)" in ESCAPE.sub("", shown)


def test_colour_carries_no_meaning_of_its_own():
    coloured = on_terminal("summary", "resnet-block", COLUMNS="80")
    plain = on_terminal("summary", "resnet-block", COLUMNS="80", NO_COLOR="1")
    assert ESCAPE.sub("", coloured) == ESCAPE.sub("", plain)


def test_off_a_terminal_nothing_is_cut(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    done = cli("summary resnet-block --columns all")
    assert "gamma(1,) beta(1,) moving_mean(1,) moving_variance(1,)" in done.out


def test_json_is_json_and_csv_is_csv(cli):
    assert json.loads(cli("models --format json").out)["schema"] == "layercli.models/1"
    header, *rows = cli("summary resnet-block --format csv").out.splitlines()
    assert header == "path,type,shared,repeats,output_shape,parameters"
    assert len(rows) == 6


@pytest.mark.parametrize(("environment", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_errors_and_hints_have_colours(environment, colour):
    shown = on_terminal("summary", "transformer", code=2, **environment)
    assert ESCAPE.sub("", shown) == "error: there is no model 'transformer'\nhint: did you mean transformer-encoder?\n"
    assert ("\x1b[1;31merror:\x1b[0m" in shown, "\x1b[36mhint:\x1b[0m" in shown) == (colour, colour)


@pytest.mark.parametrize(
    ("environment", "paged"), [({}, True), ({"CI": "true"}, False), ({"PAGER": "cat"}, False)], ids=str
)
def test_a_long_table_goes_through_the_pager(monkeypatch, environment, paged):
    stream, shown = FakeTerminal(), []
    monkeypatch.setattr(pager.sys, "stdin", stream)
    monkeypatch.setattr(pager.subprocess, "Popen", lambda words, **given: shown.append(words) or FakePager(shown))
    for name in ("CI", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PAGER": "sed -n 1p", **environment}.items():
        monkeypatch.setenv(name, value)
    pager.show("a line\n" * 40, 24, stream)
    assert shown == ([["sed", "-n", "1p"], b"a line\n" * 40] if paged else [])
    assert stream.getvalue() == ("" if paged else "a line\n" * 40)
    pager.show("a line\n" * 20, 24, stream)  # it fits
    with command_line.running(command_line.CommandLine(pager=False)):
        pager.show("a line\n" * 40, 24, stream)
    assert len(shown) == 2 * paged


@pytest.mark.parametrize("total", [0, 8])  # a diff without --values compares none
def test_a_bar_is_shown_where_there_are_bytes_to_count(monkeypatch, total):
    monkeypatch.setattr(sys, "stderr", FakeTerminal())
    with byte_progress("comparing values", total) as progress:
        progress(total)
    assert ("comparing values" in sys.stderr.getvalue()) == (total > 0)


class FakeTerminal(io.StringIO):
    def isatty(self):
        return True


class FakePager:
    def __init__(self, shown):
        self.communicate = shown.append
