"""stdout is for data alone, stderr for messages, and neither a full nor a closed one is a bug of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

MODEL = """
import sys
from layercli import Model

print("at import")

class Prints(Model):
    def setup(self):
        print("when made")

    def call(self, x):
        print("when called")
        return x

class Leaves(Model):
    def call(self, x):
        sys.exit(0)

class \u00dcn\u00ef(Prints):
    pass
"""
FULL = "error: cannot write to standard output: the disk is full\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(MODEL, encoding="utf-8")
    return tmp_path


def layercli(*words, **options):
    command = [sys.executable, "-m", "layercli", *words]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, **{"text": True, **streams})


@pytest.mark.parametrize("command", [["summary"], ["vars"], ["run", "--device", "cpu"]], ids=lambda words: words[0])
def test_what_a_model_prints_is_no_data(folder, warm, command):
    process = warm.start([*command, "m.py:Prints", "--input-shape", "2,3", "--format", "json"])
    out, err = process.communicate()
    assert process.returncode == 0, err
    json.loads(out)
    for when in ("at import", "when made", "when called"):
        assert when in err


def test_what_a_model_prints_is_not_in_the_array(folder, warm):
    process = warm.start(["run", "m.py:Prints", "--input-shape", "2,3", "--output", "-", "--device", "cpu"])
    out, err = process.written()
    assert process.returncode == 0, err
    assert out.startswith(b"\x93NUMPY")
    assert len(out) == 128 + 2 * 3 * 4


def test_a_model_that_ends_the_process_gives_no_answer(folder):
    done = layercli("summary", "m.py:Leaves", "--input-shape", "2,3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "at import\nerror: m.py, line 17, leaves with exit code 0\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "words",
    ["summary mlp", "summary mlp -f json", "summary mlp -f table", "models", "gpu-check", "--version", "--help"],
)
def test_a_full_stdout(words):
    with open("/dev/full", "w") as full:
        done = layercli(*words.split(), stdout=full)
    assert (done.returncode, done.stderr) == (2, FULL)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_stderr_changes_no_exit_code():
    with open("/dev/full", "w") as full:
        assert layercli("summary", "nope", stderr=full).returncode == 2


def test_closed_streams(folder):
    def shell(text):
        return subprocess.run(
            ["sh", "-c", text], capture_output=True, text=True, env={**os.environ, "L": sys.executable}
        )

    done = shell('"$L" -m layercli summary mlp >&-')
    assert (done.returncode, done.stderr) == (0, "")
    done = shell('"$L" -m layercli run my-dense --device cpu >&-')
    assert (done.returncode, done.stderr) == (0, "")
    done = shell('"$L" -m layercli run my-dense 2>&-')
    assert done.stdout.startswith("my-dense\n")
    done = shell('"$L" -m layercli summary nope 2>&-')
    assert (done.returncode, done.stdout) == (2, "")
    done = shell('"$L" -m layercli run mlp --device cpu -i - <&-')
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: standard input is empty, where an npy file is expected\n"


@pytest.mark.parametrize("format", ["plain", "table", "json"])
def test_letters_that_stdout_does_not_have(folder, format):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = layercli("summary", "m.py:\u00dcn\u00ef", "--input-shape", "2,3", "--format", format, env=environment)
    assert done.returncode == 0, done.stderr
    assert "\\xdcn\\xef" in done.stdout or "\\u00dcn\\u00ef" in done.stdout


def test_nothing_at_all_shows_the_help_and_no_more():
    done = layercli()
    assert done.returncode == 2
    assert "Usage: layercli" in done.stdout + done.stderr
    assert "error" not in done.stderr
