"""Processes of their own that have imported torch: each is forked from one that has, as the import takes most of a command.

What a start of Python or the import of torch does is tested in processes started anew; so are closed streams.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

COMMAND = "from layercli.__main__ import main; main()"
"""What a process runs if it is not told: the command line."""

SERVER = """
import atexit, importlib, json, os, pkgutil, resource, sys, threading
import torch, layercli.cli.main

# What a command imports is most of its time, too; what few of them use stays out.
for found in pkgutil.walk_packages(layercli.__path__, "layercli."):
    if not any(part in found.name for part in (".gpu", ".wrappers", "__main__", "explorer", "tensor_parallel")):
        importlib.import_module(found.name)

def become(asked):
    os.chdir(asked["folder"])
    os.environ.update(asked["environment"])
    if asked["limit"]:
        resource.setrlimit(resource.RLIMIT_AS, (asked["limit"], asked["limit"]))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(asked[name], os.O_WRONLY), number)
        setattr(sys, name, open(number, "w", 1 if name == "stderr" else -1, closefd=False))
    sys.argv = ["layercli", *asked["words"]]
    exec(asked["code"], {"__name__": "__main__"})

for line in sys.stdin:
    asked = json.loads(line)
    if "wait" in asked:
        pid, status = os.waitpid(asked["wait"], asked["options"])
        print(json.dumps(os.waitstatus_to_exitcode(status) if pid else None), flush=True)
        continue
    child = os.fork()
    if child == 0:
        become(asked)
        threading._shutdown()  # what leaving does, but for the search of all modules for garbage: 0.8 s
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(0)
    print(child, flush=True)
"""


class Server:
    """The process that has imported torch."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **asked: object) -> int | None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def start(
        self,
        words: Sequence[str],
        *,
        code: str = COMMAND,
        environment: Mapping[str, str] | None = None,
        limit: int = 0,
    ) -> Process:
        """Start ``code`` in the current folder, with ``words`` as its arguments and ``limit`` bytes of address space."""
        return Process(self, words, code, environment or {}, limit)


class Process:
    """A forked process, with what subprocess.Popen has."""

    def __init__(
        self, server: Server, words: Sequence[str], code: str, environment: Mapping[str, str], limit: int
    ) -> None:
        self.server, self.returncode = server, None
        self.files = [empty_file() for _ in range(2)]
        pid = server.ask(
            words=list(words), code=code, environment=dict(environment), limit=limit, folder=os.getcwd(),
            stdout=str(self.files[0]), stderr=str(self.files[1]),
        )  # fmt: skip
        assert pid is not None
        self.pid = pid

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self.server.ask(wait=self.pid, options=os.WNOHANG)
        return self.returncode

    def stderr(self) -> str:
        """What it has written to stderr so far."""
        return self.files[1].read_text()

    def send_signal(self, sign: int) -> None:
        os.kill(self.pid, sign)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 120) -> tuple[str, str]:
        """Wait for its end, and return what it wrote to stdout and stderr."""
        out, err = self.written(timeout)
        return out.decode(), err.decode()

    def written(self, timeout: float = 120) -> tuple[bytes, bytes]:
        """Wait for its end, and return the bytes that it wrote to stdout and stderr."""
        deadline = time.monotonic() + timeout
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.returncode is None:
            self.kill()
            raise AssertionError(f"not ended after {timeout} s: {self.stderr()}")
        found = self.files[0].read_bytes(), self.files[1].read_bytes()
        for file in self.files:
            file.unlink()
        return found


def empty_file() -> Path:
    """Return a new temporary file, closed."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        return Path(file.name)
