"""On a terminal, off it, without colour, and what the shell completes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys

import pytest

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(*args, **environment):
    """Run a command on a pseudo-terminal and return what it showed."""
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
    assert process.wait(timeout=30) == 0
    return shown.decode().replace("\r\n", "\n")


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
    assert header == "layer,output_shape,parameters"
    assert len(rows) == 6


@pytest.mark.parametrize(("typed", "expected"), [("sum", ["summary"]), ("summary resn", ["resnet-block", "resnet50"])])
def test_the_shell_completes_commands_and_models(typed, expected):
    done = subprocess.run(
        [sys.executable, "-c", "from layercli.cli.main import app; app(prog_name='layercli')"],
        env={**os.environ, "_LAYERCLI_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": f"layercli {typed}"},
        capture_output=True,
        text=True,
    )
    assert all(f'"{name}"' in done.stdout for name in expected), done.stdout
