"""Run the child process: read its events, end it after the timeout, and keep its events up to then."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import IO, Any

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.gpu import cuda_error
from layercli.gpu.snapshot import printable

COMMAND = (sys.executable, "-P", "-m", "layercli.gpu.worker")
PACKAGE_ROOT = str(Path(__file__).parents[2])
POLL = 0.02
TAIL = 1 << 16
NOT_A_REASON = re.compile(
    r"\s*(Aborted|Extension modules:|Current thread|Thread 0x|Fatal Python error: Aborted|frame #\d|\*\*\*)"
)
"""Lines that follow the reason when a process dies."""


@dataclass
class WorkerLog:
    """The child's events; ``ended`` says how it ended abnormally: hang, or a signal.

    ``detail`` is then its last line on stderr, without folder names.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    ended: str | None = None
    during: str | None = None
    detail: str | None = None

    def add(self, event: JSONObject) -> None:
        """Add an event."""
        self.events.append(event)
        self.during = event.get("doing", self.during)

    def last(self, kind: str) -> Any:
        """Return the last event of a kind, or None."""
        return next((event[kind] for event in reversed(self.events) if kind in event), None)

    def all(self, kind: str) -> list[Any]:
        """Return the events of a kind."""
        return [event[kind] for event in self.events if kind in event]


def run(
    request: dict[str, object],
    timeout: float,
    listen: Callable[[str], None] = lambda doing: None,
    command: tuple[str, ...] = COMMAND,
) -> WorkerLog:
    """Send the request to a child and return its events, after at most ``timeout`` seconds.

    The two communicate through files, not pipes: a process stuck in a driver can neither be killed nor waited for.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        request_file, event_file, stderr_file = (Path(folder, name) for name in ("request", "events", "stderr"))
        request_file.write_text(json.dumps({**request, "parent": os.getpid()}), encoding="utf-8")
        with (
            request_file.open("rb") as stdin,
            event_file.open("wb") as stdout,
            event_file.open("rb") as events,
            stderr_file.open("wb") as err,
        ):
            child = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=err, env=environment())
            try:
                log = follow(child, events, time.monotonic() + timeout, listen)
            finally:
                end(child)
        if log.ended not in (None, "hang"):
            log.detail = last_error(stderr_file)
        return log


def last_error(path: Path) -> str | None:
    """Return the last stderr message of a child that died, or None; folder names are removed because they may be private."""
    with path.open("rb") as stream:
        stream.seek(max(stream.seek(0, os.SEEK_END) - TAIL, 0))
        lines = stream.read().decode(errors="replace").splitlines()
    messages = [line.strip() for line in lines if line.strip() and not NOT_A_REASON.match(line)]
    return cuda_error.first_line(printable(messages[-1])) if messages else None


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child, and wait briefly for its end."""
    child.kill()
    with suppress(subprocess.TimeoutExpired):
        child.wait(1)


def environment() -> dict[str, str]:
    """Return an environment in which the child imports this same package."""
    paths = [PACKAGE_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def follow(
    child: subprocess.Popen[bytes], stdout: IO[bytes], deadline: float, listen: Callable[[str], None]
) -> WorkerLog:
    """Read events until the child is done, dead, or out of time."""
    log, rest = WorkerLog(), b""
    while True:
        over = child.poll() is not None
        *lines, rest = (rest + stdout.read()).split(b"\n")
        for event in map(json.loads, lines):
            if event.get("doing", log.during) != log.during:
                listen(event["doing"])
            log.add(event)
            deadline = max(deadline, time.monotonic() + event.get("allow", 0))
        if log.last("done"):
            return log
        if over:
            log.ended = cause_of_death(child.returncode)
            return log
        if time.monotonic() > deadline:
            log.ended = "hang"
            return log
        time.sleep(POLL)


def cause_of_death(code: int) -> str:
    """Return the name of the signal that ended a process, or its exit code."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
