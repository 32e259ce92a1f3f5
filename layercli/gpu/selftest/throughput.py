"""Measure copy bandwidth and multiplication rate: the best of several runs, in GB/s and TFLOP/s."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from layercli.gpu.selftest.gemm import MatmulPrecision, running_in
from layercli.gpu.selftest.test_result import MEASURED, SelfTestResult
from layercli.lazy import torch

ROUNDS = 5
REPEATS = 4


def best(action: Callable[[], object], device: torch.device) -> float:
    """Return the seconds that one ``action`` takes, in the best of several rounds."""
    action()
    seconds = []
    for _ in range(ROUNDS):
        wait(device)
        start = time.perf_counter()
        for _ in range(REPEATS):
            action()
        wait(device)
        seconds.append((time.perf_counter() - start) / REPEATS)
    return min(seconds)


def wait(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def bandwidth(device: torch.device, size: int = 1 << 30) -> Iterator[SelfTestResult]:
    """Measure copies on the device (read and write both count), and to and from pinned memory."""
    here, there = (torch.empty(size, dtype=torch.uint8, device=device) for _ in range(2))
    yield measured("bandwidth device", device, 2 * size / best(lambda: there.copy_(here), device) / 1e9, "GB/s")
    part = here[: size // 4]
    host = torch.empty(part.numel(), dtype=torch.uint8, pin_memory=device.type == "cuda")
    up = best(lambda: part.copy_(host, non_blocking=True), device)
    yield measured("bandwidth h2d", device, part.numel() / up / 1e9, "GB/s")
    down = best(lambda: host.copy_(part, non_blocking=True), device)
    yield measured("bandwidth d2h", device, part.numel() / down / 1e9, "GB/s")


def rate(device: torch.device, precision: MatmulPrecision, size: int = 8192) -> SelfTestResult:
    """Measure the rate of one large matrix product."""
    with running_in(precision):
        dtype = getattr(torch, precision.dtype)
        x, y = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        out = torch.empty_like(x)
        seconds = best(lambda: torch.mm(x, y, out=out), device)
    return measured(f"rate {precision.name}", device, 2 * size**3 / seconds / 1e12, "TFLOP/s")


def measured(name: str, device: torch.device, figure: float, unit: str) -> SelfTestResult:
    """Return a figure without a threshold."""
    return SelfTestResult(name, str(device), MEASURED, figure, unit)
