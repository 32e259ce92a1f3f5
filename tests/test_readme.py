"""What the README shows is what one gets: its console sessions run, its Python runs; ``make golden`` writes sessions anew."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SESSION = re.compile(r"```console\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
SNAPSHOT = ROOT / "tests" / "gpu" / "snapshots" / "hidden-by-env.json"


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the files the sessions speak of."""
    (tmp_path / "net.py").write_text(next(code for code in PYTHON.findall(README.read_text()) if "class Net" in code))
    shutil.copy(SNAPSHOT, tmp_path / "hidden.json")
    return tmp_path


def session(folder, commands):
    """Return what a terminal would show of the commands, 80 columns wide and without colour."""
    shown = ""
    scripts = sysconfig.get_path("scripts")
    env = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for command in commands:
        done = subprocess.run(
            shlex.split(command), cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        shown += f"$ {command}\n{done.stdout}"
    return re.sub(r" +$", "", shown, flags=re.MULTILINE)


def commands_of(block):
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def test_console_sessions(folder, rewrite_golden):
    text = README.read_text()
    blocks = SESSION.findall(text)
    assert len(blocks) >= 6
    for block in blocks:
        shown = session(folder, commands_of(block))
        if rewrite_golden:
            text = text.replace(block, shown)
        else:
            assert shown == block
    if rewrite_golden:
        README.write_text(text)


@pytest.mark.parametrize("code", PYTHON.findall(README.read_text()), ids=lambda code: code.splitlines()[0])
def test_python_runs(tmp_path, code):
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
