"""The self-tests of each level, in execution order: quick and informative ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from layercli.dataclass import dataclass
from layercli.gpu import cuda_error, peer_copy
from layercli.gpu.selftest import gemm, memory_test, op_parity, stress_test, throughput
from layercli.gpu.selftest.test_result import ERROR, FAILED, PASSED, SelfTestResult
from layercli.gpu.snapshot import Device
from layercli.lazy import torch

QUARTER, MOST, CAP = 0.25, 0.8, 4 << 30
LEAST = 1 << 20
RESERVE = 640 << 20  # extra memory for comparing a chunk
LOAD_SECONDS = 120.0

Monitor = Callable[[], AbstractContextManager[Callable[[], dict[str, Device]]]]


@dataclass(frozen=True)
class Trial:
    """A self-test and its operands: ``run`` yields its results; ``device`` names where it runs."""

    name: str
    device: str
    run: Callable[[], Iterable[SelfTestResult]]

    @property
    def devices(self) -> list[str]:
        """The names of the devices it runs on."""
        return self.device.split(", ")


def plan(level: int, names: list[str], monitor: Monitor, speed_wanted: bool = False) -> Iterator[Trial]:
    """Yield the tests of a level on the named devices; rates are measured earlier if they are required."""
    references: op_parity.References = {}
    for name in names:
        device = torch.device(name)
        yield Trial("allocation", name, lambda d=device: [allocate(d)])  # type: ignore[misc]
        yield from quick(device)
        if level >= 2:
            yield from thorough(device, references)
        if level >= 2 or speed_wanted:
            yield from speeds(device)
    if level >= 2 and len(names) > 1:
        devices = [torch.device(name) for name in names]
        yield Trial(peer_copy.NAME, ", ".join(names), lambda: peer_copy.copies(devices))
    if level >= 3 and names:
        yield from long(names, monitor)


def allocate(device: torch.device, size: int = 16 << 20) -> SelfTestResult:
    """Allocate memory, fill it, and sum it."""
    total = torch.ones(size, dtype=torch.uint8, device=device).sum().item()
    verdict = PASSED if total == size else FAILED
    return SelfTestResult(
        "allocation", str(device), verdict, detail="" if verdict == PASSED else f"{size} ones sum to {total}"
    )


def quick(device: torch.device) -> Iterator[Trial]:
    """Yield the one exact product of level 1."""
    yield Trial("exact GEMM", str(device), lambda: [gemm.exact(device, gemm.FLOAT32)])


def thorough(device: torch.device, references: op_parity.References) -> Iterator[Trial]:
    """Yield every correctness test of level 2.

    Apple's backend accumulates half precision in half precision, so products of integers are not exact there.
    """
    name = str(device)
    for precision in gemm.precisions(device):
        if precision is not gemm.FLOAT32 and device.type != "mps":
            yield Trial("exact GEMM", name, lambda p=precision: [gemm.exact(device, p)])  # type: ignore[misc]
        yield Trial("random GEMM", name, lambda p=precision: [gemm.random(device, p)])  # type: ignore[misc]
        yield Trial("repeatability", name, lambda p=precision: [gemm.repeatable(device, p)])  # type: ignore[misc]
    yield Trial("kernels", name, lambda: op_parity.parity(device, references=references))
    yield Trial("memory patterns", name, lambda: [memory_test.patterns(device, share(device, QUARTER, CAP))])
    yield Trial("copy there and back", name, lambda: [memory_test.round_trip(device)])


def speeds(device: torch.device) -> Iterator[Trial]:
    """Yield the measurements of bandwidth and rate."""
    yield Trial("bandwidth", str(device), lambda: throughput.bandwidth(device, share(device, QUARTER, 1 << 30)))
    for precision in gemm.precisions(device):
        size = 4096 if precision is gemm.FLOAT32 else 8192
        yield Trial("rate", str(device), lambda p=precision, n=size: [throughput.rate(device, p, n)])  # type: ignore[misc]


def long(names: list[str], monitor: Monitor) -> Iterator[Trial]:
    """Yield level 3: all devices under load together, then nearly all memory of each."""
    devices = [torch.device(name) for name in names]
    yield Trial("sustained load", ", ".join(names), lambda: loaded(devices, monitor))
    for device in devices:
        yield Trial(
            "memory patterns",
            str(device),
            lambda d=device: [memory_test.patterns(d, share(d, MOST, 1 << 62))],  # type: ignore[misc]
        )


def loaded(devices: list[torch.device], monitor: Monitor) -> Iterator[SelfTestResult]:
    """Yield the results of minutes of monitored load."""
    with monitor() as watch:
        yield from stress_test.sustained(devices, LOAD_SECONDS, watch)


def share(device: torch.device, part: float, cap: int) -> int:
    """Return the bytes a test may use: a part of the free memory, at most the cap, with space left to compare."""
    free = memory_test.free(device)
    return max(min(int(free * part), free - RESERVE, cap), LEAST)


def run(trial: Trial) -> Iterator[SelfTestResult]:
    """Yield a test's results; an exception is an error of this test and does not stop the others."""
    try:
        yield from trial.run()
    except Exception as error:
        text = cuda_error.first_line(f"{type(error).__name__}: {error}")
        yield SelfTestResult(trial.name, trial.device, ERROR, detail=text)
