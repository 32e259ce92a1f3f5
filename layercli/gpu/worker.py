"""The child process for risky work: ``python -m layercli.gpu.worker``, a request on stdin, events on stdout.

A hang or crash in a driver affects only this process. Each event is one line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, TextIO

from layercli.gpu import cuda_error
from layercli.gpu.checks.diagnose import diagnose
from layercli.gpu.checks.runtime import compiles
from layercli.gpu.probes import nvml, probe
from layercli.gpu.probes.devices import Item, inventory
from layercli.gpu.selftest.test_result import ERROR, SelfTestResult
from layercli.gpu.snapshot import Device, Runtime, Snapshot

PR_SET_PDEATHSIG = 1
COMPILING = 600.0  # seconds allowed for compiling a wheel's PTX


def main() -> None:
    """Process the request on stdin, and exit without waiting for anything a driver may hold."""
    events = claim_stdout()
    request = json.load(sys.stdin)
    end_with_parent(request["parent"])
    for event in run_probe() if request["task"] == "look" else run_tests(request):
        events.write(json.dumps(event) + "\n")
        events.flush()
    os._exit(0)


def end_with_parent(parent: int) -> None:
    """Make this process end when its parent ``parent`` ends, however that happens.

    Linux sends a signal; elsewhere a thread polls.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    else:
        threading.Thread(target=watch_parent, args=(parent,), daemon=True).start()


def watch_parent(parent: int, pause: float = 1.0) -> None:
    """End this process when its parent is no longer ``parent``."""
    while os.getppid() == parent:
        time.sleep(pause)
    os._exit(1)


def claim_stdout() -> TextIO:
    """Return stdout, and redirect what libraries print there."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def run_probe() -> Iterator[dict[str, object]]:
    """Yield the snapshot taken without torch."""
    yield {"doing": "the look at the driver"}
    yield {"snapshot": probe.snapshot().to_json()}
    yield {"done": True}


def run_tests(request: dict[str, Any]) -> Iterator[dict[str, object]]:
    """Yield what torch offers, and run the self-tests on every device without errors."""
    yield {"doing": "the import of torch"}
    from layercli.gpu.probes import torch_devices

    runtime = torch_devices.probe()
    snapshot = replace(Snapshot.from_json(request["snapshot"]), runtime=runtime)
    yield {"runtime": asdict(runtime), **first_tensor(runtime)}
    wanted = {item.torch for item in ready(snapshot, request["device"]) if item.torch} - {*request.get("spoiled", [])}
    runtime = torch_devices.touched(runtime, wanted)
    snapshot = replace(snapshot, runtime=runtime)
    yield {"runtime": asdict(runtime)}
    yield from selftests(request, ready(snapshot, request["device"]))
    yield {"done": True}


def first_tensor(runtime: Runtime) -> dict[str, object] | dict[str, str]:
    """Return the event before the first tensor; it allows time if the driver must compile the wheel's PTX."""
    if any(compiles(offered, runtime.arch_list) for offered in runtime.devices):
        return {"doing": "a first tensor, for which the driver compiles this PyTorch's PTX", "allow": COMPILING}
    return {"doing": "a first tensor"}


def selftests(request: dict[str, Any], items: list[Item]) -> Iterator[dict[str, object]]:
    """Yield the results of the level's self-tests on the devices.

    After an error that makes CUDA unusable in this process, a request for a replacement process without the device follows.
    """
    from layercli.gpu.selftest import plan as selftest

    names = request.get("names") or [item.torch for item in items if item.torch]
    plan = selftest.plan(request["level"], names, lambda: monitored(items), request["speed"])
    spoiled = request.get("spoiled", [])
    for number, trial in enumerate(plan):
        if number < request.get("first", 0) or not {*spoiled}.isdisjoint(trial.devices):
            continue
        yield {"doing": f"{trial.name} on {trial.device}"}
        for result in selftest.run(trial):
            yield {"result": asdict(result)}
            if sticky(result):
                lost = [*spoiled, *trial.devices]
                yield {"resume": {"first": number + 1, "names": names, "spoiled": lost}, "done": True}
                return


def sticky(result: SelfTestResult) -> bool:
    """Whether a test met an error after which CUDA is unusable in this process."""
    return result.verdict == ERROR and cuda_error.code(result.detail) in cuda_error.STICKY


def ready(snapshot: Snapshot, wanted: int | None) -> list[Item]:
    """Return the devices to test: offered by torch, requested, and without errors."""
    bad = {finding.device for finding in diagnose(snapshot) if finding.severity == "error"}
    items = [item for item in inventory(snapshot) if item.torch and item.device.index not in bad]
    return [item for item in items if None not in bad and wanted in (None, item.device.index)]


@contextmanager
def monitored(items: list[Item]) -> Iterator[Callable[[], dict[str, Device]]]:
    """Yield a function that returns the driver's view of the devices, by torch's names."""
    names = {item.device.index: item.torch for item in items if item.torch and item.device.vendor == "nvidia"}
    with nvml.monitor(names) as sample:
        yield lambda: {names[index]: device for index, device in sample().items()}


if __name__ == "__main__":
    main()
