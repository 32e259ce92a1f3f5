"""The GPU check: take a snapshot, diagnose it, and run self-tests on devices without errors."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from layercli.errors import UsageError
from layercli.gpu import report, subprocess_runner
from layercli.gpu import requirements as demanding
from layercli.gpu import snapshot as snapshots
from layercli.gpu.checks.diagnose import diagnose
from layercli.gpu.probes import environment, torch_build
from layercli.gpu.probes.devices import inventory
from layercli.gpu.report import GpuReport
from layercli.gpu.requirements import Floors
from layercli.gpu.selftest.test_diagnostics import verdicts
from layercli.gpu.selftest.test_result import SelfTestResult
from layercli.gpu.snapshot import Host, Runtime, Snapshot

TIMEOUTS = {0: 60.0, 1: 60.0, 2: 600.0, 3: 1800.0}

LEAST_SECONDS = 10.0  # the minimum time for a replacement child

Listen = Callable[[str], None]


def ignore(doing: str) -> None:
    """Ignore a progress message."""


def check(
    level: int = 1,
    device: int | str | None = None,
    require: int = 1,
    min_memory: str | int | None = None,
    min_capability: str | None = None,
    min_tflops: Floors = None,
    min_bandwidth: Floors = None,
    timeout: float | None = None,
    snapshot: Snapshot | str | Path | None = None,
    listen: Listen = ignore,
) -> GpuReport:
    """Return the report on the GPUs of this machine: usable or not, and why.

    ``level`` 0 queries the driver without torch; 1 computes one exact product with torch; 2 runs every self-test; 3 adds minutes
    of full load. ``device`` is an nvidia-smi index, or ``"all"``. At least ``require`` devices must be usable and meet every
    requirement: ``min_memory="16GiB"`` (total), ``min_capability="8.0"``, ``min_tflops="bf16=500"``,
    ``min_bandwidth="device=2000"`` (GB/s). The probe and the tests end after ``timeout`` seconds. With ``snapshot``, or the
    path of one, another machine's GPUs are diagnosed and nothing is run. ``listen`` receives progress messages.

    Raises UsageError for an invalid requirement, FileError or FormatError for a snapshot that cannot be read.
    """
    demands = demanding.parse(require, min_memory, min_capability, min_tflops, min_bandwidth)
    if level not in TIMEOUTS:
        raise UsageError(f"--level expects 0, 1, 2 or 3, got {level}")
    if demands.floors and (level == 0 or snapshot is not None):
        raise UsageError("--min-tflops and --min-bandwidth are measured, which needs --level 1 or more and no --from")
    if timeout is not None and not 0 < timeout < math.inf:
        raise UsageError(f"--timeout expects seconds, more than 0, got {timeout:g}")
    wanted = number(device)
    limit = TIMEOUTS[level] if timeout is None else timeout
    results: list[SelfTestResult] = []
    if snapshot is None:
        seen = look(TIMEOUTS[0] if timeout is None else timeout)
        if level > 0 and worth_testing(seen, wanted):
            request = {"task": "try", "level": level, "device": wanted, "speed": bool(demands.floors)}
            seen, results = run_tests(seen, request, limit, listen)
    else:
        seen = snapshot if isinstance(snapshot, Snapshot) else snapshots.read(Path(snapshot))
    return build_report(seen, wanted, results, demands)


def number(device: int | str | None) -> int | None:
    """Return the index of the requested device, or None for all."""
    if device in (None, "all"):
        return None
    if isinstance(device, int) or (isinstance(device, str) and device.isdecimal()):
        return int(device)
    index = re.fullmatch("(?:cuda|gpu)?:?([0-9]*)", str(device).lower())
    meant = f"did you mean {index[1] or 0}?" if index else None
    raise UsageError(f"--device expects a number or all, got {device!r}", hint=meant)


def look(timeout: float) -> Snapshot:
    """Return the snapshot taken in a child without torch; if the driver hangs, one taken without the driver."""
    story = subprocess_runner.run({"task": "look"}, timeout)
    seen = story.last("snapshot")
    if seen is not None:
        return Snapshot.from_json(seen)
    ended = Runtime(ended=story.ended, during=story.during, seconds=timeout, detail=story.detail)
    host = Host(sys.platform)
    return Snapshot(host=host, wheel=torch_build.read([]), environment=environment.read(os.environ), runtime=ended)


def worth_testing(seen: Snapshot, wanted: int | None) -> bool:
    """Whether torch should be asked: at least one device has no error."""
    bad = {finding.device for finding in diagnose(seen) if finding.severity == "error"}
    indices = {item.device.index for item in inventory(seen)}
    chosen = indices if wanted is None else indices & {wanted}
    return None not in bad and (not indices or bool(chosen - bad))


def run_tests(
    seen: Snapshot, request: dict[str, object], timeout: float, listen: Listen
) -> tuple[Snapshot, list[SelfTestResult]]:
    """Ask torch and run the self-tests in a child; return the snapshot and the results.

    If an error ends CUDA in the child, another child runs the remaining tests.
    """
    end = time.monotonic() + timeout
    story = subprocess_runner.run({**request, "snapshot": seen.to_json()}, timeout, listen)
    runtime = snapshots.decode_record(Runtime, story.last("runtime") or {}, "runtime")
    results = story.all("result")
    while resume := story.last("resume"):
        again = {**request, **resume, "snapshot": seen.to_json()}
        story = subprocess_runner.run(again, max(end - time.monotonic(), LEAST_SECONDS), listen)
        results += story.all("result")
    if story.ended:
        runtime = replace(runtime, ended=story.ended, during=story.during, seconds=timeout, detail=story.detail)
    return replace(seen, runtime=runtime), [SelfTestResult(**result) for result in results]


def build_report(
    seen: Snapshot, wanted: int | None, results: list[SelfTestResult], demands: demanding.Demands
) -> GpuReport:
    """Return the report on the requested device, or on all devices."""
    items = inventory(seen)
    known = [item.device.index for item in items]
    if wanted is not None and known and wanted not in known:
        listed = ", ".join(map(str, known))
        raise UsageError(f"there is no GPU {wanted}", hint=f"the GPUs here are: {listed}")
    chosen = [item for item in items if wanted in (None, item.device.index)]
    found = [finding for finding in diagnose(seen) if wanted is None or finding.device in (None, wanted)]
    compared = [
        (item, demand)
        for item in chosen
        for demand in demanding.compare(demands, item, results, seen.runtime is not None)
    ]
    unmet = [demanding.unmet_requirement(item, demand) for item, demand in compared if demand.met is not True]
    judged = [*verdicts(chosen, results, seen.host.iommu), *unmet]
    if judged:
        found = [finding for finding in found if finding.code != "ok"]
    findings = sorted([*found, *judged], key=lambda finding: finding.severity != "error")
    return report.build(seen, chosen, findings, results, demands, [demand for _, demand in compared])
