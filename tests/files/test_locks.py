"""One process writes a target at a time, and the second is told which one has it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from layercli.errors import FileError
from layercli.formats.atomic import replacing
from layercli.formats.locks import lock_of, locked

HOLDER = """
import sys
from layercli.formats.locks import locked
with locked(sys.argv[1]):
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path, monkeypatch):
    """A process that holds y.npy until a line is written to it."""
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, "y.npy"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def refusal(path):
    with pytest.raises(FileError) as error, locked(path):
        pass
    return error.value.message


def test_the_second_is_told_who_has_it(holder, tmp_path):
    (tmp_path / "link.npy").symlink_to("y.npy")
    for path in ("y.npy", tmp_path / "y.npy", "link.npy"):
        assert refusal(path) == f"{path} is being written by process {holder.pid}"
    with locked("other.npy"), replacing("z.npy"):  # a sweep takes no lock that is held
        pass
    assert refusal("y.npy") == f"y.npy is being written by process {holder.pid}"
    holder.communicate("\n")
    with locked("y.npy"), locked("y.npy"):
        assert lock_of("y.npy").read_text() == f"{os.getpid()}\n"
    assert sorted(os.listdir()) == ["link.npy", "z.npy"]


def test_a_killed_process_holds_nothing(holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert len(os.listdir()) == 1
    with locked("y.npy"):
        pass
    assert os.listdir() == []


def test_a_lock_that_is_a_link_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim").write_bytes(b"mine")
    lock_of("y.npy").symlink_to("victim")
    assert refusal("y.npy") == f"cannot write y.npy: its lock {lock_of('y.npy').name} is a symbolic link"
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_damaged_locks_are_locks(holder):
    for content in ("", "no number", "9" * 100, "-1", "\x1b[2J"):
        lock_of("y.npy").write_text(content)
        assert refusal("y.npy") in (
            "y.npy is being written by another process",
            f"y.npy is being written by process {'9' * 20}",
        )
