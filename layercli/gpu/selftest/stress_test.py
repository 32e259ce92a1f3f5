"""Minutes of full load: one product over and over on every device, while heat, power and clocks are watched."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from layercli.gpu.selftest.gemm import FLOAT32, MatmulPrecision, Product, multiply, precisions, running_in
from layercli.gpu.selftest.test_result import MEASURED, SelfTestResult, judged
from layercli.gpu.selftest.throughput import wait
from layercli.gpu.snapshot import Device
from layercli.lazy import torch

BURST = 20  # products between two comparisons of the bits
QUEUED = 2  # bursts that a device has been given and not finished, so that it never waits for the next one
PAUSE = 0.25  # seconds between two looks at heat and power

Watch = Callable[[], dict[str, Device]]


class Stopwatch:
    """The time a device takes between two points of its own work: CUDA's events, which know nothing of other devices."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def mark(self) -> Any:
        """Return the point that the device's work has come to."""
        if self.device.type != "cuda":
            wait(self.device)
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        event.record(torch.cuda.current_stream(self.device))
        return event

    def seconds(self, start: Any, end: Any) -> float:
        """Return the seconds between two points, when the second is reached."""
        if self.device.type != "cuda":
            return float(end - start)
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000


@dataclass
class Load:
    """One device under load: its operands, the product that must come out every time, and what was seen so far.

    ``differing`` is counted on the device, so that it need not be waited for; ``queued`` are the bursts under way.
    """

    device: torch.device
    x: torch.Tensor
    y: torch.Tensor
    first: torch.Tensor
    differing: torch.Tensor
    stopwatch: Stopwatch
    rounds: int = 0
    queued: deque[tuple[Any, Any]] = field(default_factory=deque)
    rates: list[float] = field(default_factory=list)
    seen: list[Device] = field(default_factory=list)


def load(device: torch.device, precision: MatmulPrecision, size: int, product: Product) -> Load:
    """Return a device ready to be loaded."""
    generator = torch.Generator().manual_seed(3)
    dtype = getattr(torch, precision.dtype)
    x, y = (torch.randn(size, size, generator=generator).to(device, dtype) for _ in range(2))
    first = product(x, y).clone()
    return Load(device, x, y, first, torch.zeros((), dtype=torch.int64, device=device), Stopwatch(device))


def sustained(
    devices: list[torch.device],
    seconds: float,
    watch: Watch,
    *,
    precision: MatmulPrecision | None = None,
    size: int = 8192,
    product: Product = multiply,
) -> Iterator[SelfTestResult]:
    """Load all devices together for ``seconds``, each in the smallest precision it has.

    ``watch`` returns what the driver sees of each device, by torch's name; a thread of its own asks it meanwhile.
    """
    with running_in(FLOAT32):
        loads = [load(device, precision or precisions(device)[-1], size, product) for device in devices]
        with watched(watch, loads):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for each in loads:
                    burst(each, product)
            for each in loads:
                finish(each, 0)
    for each in loads:
        yield from results(each, seconds)


@contextmanager
def watched(watch: Watch, loads: list[Load]) -> Iterator[None]:
    """Look at the devices at once, every quarter of a second, and at the end."""
    over = threading.Event()

    def look() -> None:
        sample = watch()
        for each in loads:
            if str(each.device) in sample:
                each.seen.append(sample[str(each.device)])

    def keep_looking() -> None:
        while not over.wait(PAUSE):
            look()

    look()
    thread = threading.Thread(target=keep_looking, daemon=True)
    thread.start()
    try:
        yield
        look()
    finally:
        over.set()
        thread.join()


def burst(load: Load, product: Product) -> None:
    """Give the device a burst of products and the comparison of the last one, and wait for an earlier burst."""
    start = load.stopwatch.mark()
    for _ in range(BURST):
        out = product(load.x, load.y)
    load.differing += (out != load.first).any()
    load.queued.append((start, load.stopwatch.mark()))
    load.rounds += 1
    finish(load, QUEUED)


def finish(load: Load, left: int) -> None:
    """Wait until no more than ``left`` bursts are under way."""
    while len(load.queued) > left:
        taken = load.stopwatch.seconds(*load.queued.popleft())
        load.rates.append(BURST * 2 * load.x.shape[0] ** 3 / taken / 1e12)


def results(load: Load, seconds: float) -> Iterator[SelfTestResult]:
    """Yield what a device's minutes of load came to."""
    name = str(load.device)
    yield judged("sustained load", name, int(load.differing), f"of {load.rounds} differ", 0, f"{seconds:g} s")
    quarter = max(len(load.rates) // 4, 1)
    early, late = (sum(part) / len(part) for part in (load.rates[:quarter], load.rates[-quarter:]))
    yield SelfTestResult(
        "sustained rate", name, MEASURED, late, "TFLOP/s", detail=f"{early:.4g} TFLOP/s in the first quarter"
    )
    heats = [each.temperature for each in load.seen if each.temperature is not None]
    powers = [each.power for each in load.seen if each.power is not None]
    clocks = [each.clock for each in load.seen if each.clock is not None]
    if heats:
        yield SelfTestResult(
            "highest temperature", name, MEASURED, max(heats), "°C", detail=f"{heats[0]} °C at the start"
        )
    if powers:
        yield SelfTestResult("highest power", name, MEASURED, max(powers), "W")
    if clocks:
        held = sorted({reason for each in load.seen for reason in each.slowdowns})
        yield SelfTestResult("lowest clock", name, MEASURED, min(clocks), "MHz", detail=", ".join(held))
