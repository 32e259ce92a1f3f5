"""Minutes of full load: repeat one product on every device while temperature, power and clocks are monitored."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import Any

from layercli.dataclass import dataclass
from layercli.gpu.selftest.gemm import FLOAT32, MatmulPrecision, Product, multiply, precisions, running_in
from layercli.gpu.selftest.test_result import MEASURED, SelfTestResult, judged
from layercli.gpu.selftest.throughput import wait
from layercli.gpu.snapshot import Device
from layercli.lazy import torch

BURST = 20  # products between two comparisons of the bits
QUEUED = 2  # queued bursts, so that the device never idles
PAUSE = 0.25  # seconds between two samples of temperature and power

Watch = Callable[[], dict[str, Device]]


class Stopwatch:
    """The time between two points of a device's own work: CUDA events, which are independent of other devices."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def mark(self) -> object:
        """Return an event at the current point of the device's queue."""
        if self.device.type != "cuda":
            wait(self.device)
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        event.record(torch.cuda.current_stream(self.device))
        return event

    def seconds(self, start: Any, end: Any) -> float:
        """Return the seconds between two events, once the second is reached."""
        if self.device.type != "cuda":
            return float(end - start)
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000


@dataclass
class Load:
    """One device under load: its operands, the expected product, and the observations so far.

    ``differing`` is counted on the device, so that the host need not wait; ``queued`` are the bursts in progress.
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
    """Load all devices together for ``seconds``, each in its smallest precision.

    ``watch`` returns the driver's view of each device, by torch's name; a separate thread calls it.
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
    """Sample the devices immediately, every quarter of a second, and at the end."""
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
    """Queue a burst of products and the comparison of the last one, and wait for an earlier burst."""
    start = load.stopwatch.mark()
    for _ in range(BURST):
        out = product(load.x, load.y)
    load.differing += (out != load.first).any()
    load.queued.append((start, load.stopwatch.mark()))
    load.rounds += 1
    finish(load, QUEUED)


def finish(load: Load, left: int) -> None:
    """Wait until at most ``left`` bursts are in progress."""
    while len(load.queued) > left:
        taken = load.stopwatch.seconds(*load.queued.popleft())
        load.rates.append(BURST * 2 * load.x.shape[0] ** 3 / taken / 1e12)


def results(load: Load, seconds: float) -> Iterator[SelfTestResult]:
    """Yield the results of a device's minutes of load."""
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
