"""The process in which the risky part runs: ``python -m layercli.gpu.child``, a request on stdin, events on stdout.

Whatever hangs or crashes in a driver takes this process with it and nothing else. Each event is one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, TextIO

from layercli.gpu import probe
from layercli.gpu.diagnose import diagnose
from layercli.gpu.inventory import Item, inventory
from layercli.gpu.snapshot import Device, Snapshot


def main() -> None:
    """Answer the request on stdin, and leave without waiting for what a driver may still hold."""
    events = claim_stdout()
    request = json.load(sys.stdin)
    for event in look() if request["task"] == "look" else attempt(request):
        events.write(json.dumps(event) + "\n")
        events.flush()
    os._exit(0)


def claim_stdout() -> TextIO:
    """Return stdout, and send what libraries print there elsewhere."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def look() -> Iterator[dict[str, Any]]:
    """Yield what can be seen without torch."""
    yield {"doing": "the look at the driver"}
    yield {"snapshot": probe.snapshot().to_json()}
    yield {"done": True}


def attempt(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what torch offers, and the self-tests on every device that nothing speaks against."""
    yield {"doing": "the import of torch"}
    from layercli.gpu import torch_devices

    runtime = torch_devices.look()
    snapshot = replace(Snapshot.from_json(request["snapshot"]), runtime=runtime)
    yield {"runtime": asdict(runtime), "doing": "a first tensor"}
    runtime = torch_devices.touched(runtime, [item.torch for item in ready(snapshot, request["device"]) if item.torch])
    snapshot = replace(snapshot, runtime=runtime)
    yield {"runtime": asdict(runtime)}
    yield from selftests(request, ready(snapshot, request["device"]))
    yield {"done": True}


def selftests(request: dict[str, Any], items: list[Item]) -> Iterator[dict[str, Any]]:
    """Yield the results of the level's self-tests on the devices."""
    from layercli.gpu import selftest

    names = [item.torch for item in items if item.torch]
    for trial in selftest.plan(request["level"], names, lambda: watch(items), request["speed"]):
        yield {"doing": f"{trial.name} on {trial.device}"}
        for result in selftest.run(trial):
            yield {"result": asdict(result)}


def ready(snapshot: Snapshot, wanted: int | None) -> list[Item]:
    """Return the devices to try: offered by torch, asked for, and without an error of their own."""
    bad = {finding.device for finding in diagnose(snapshot) if finding.severity == "error"}
    items = [item for item in inventory(snapshot) if item.torch and item.device.index not in bad]
    return [item for item in items if None not in bad and wanted in (None, item.device.index)]


def watch(items: list[Item]) -> dict[str, Device]:
    """Return what the driver sees of the devices now, by torch's names."""
    from layercli.gpu import nvml

    seen = {device.index: device for device in nvml.read([])[1]}
    return {item.torch: seen[item.device.index] for item in items if item.torch and item.device.index in seen}


if __name__ == "__main__":
    main()
