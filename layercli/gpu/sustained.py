"""Minutes of full load: one product over and over on every device, while heat, power and clocks are watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from layercli.gpu.gemm import FLOAT32, Precision, Product, multiply, precisions, running_in
from layercli.gpu.result import MEASURED, Result, judged
from layercli.gpu.snapshot import Device
from layercli.gpu.speed import wait
from layercli.lazy import torch

BURST = 20  # products between two looks at the bits


@dataclass
class Load:
    """One device under load: its operands, the product that must come out every time, and what was seen so far."""

    device: torch.device
    x: torch.Tensor
    y: torch.Tensor
    first: torch.Tensor
    rounds: int = 0
    differing: int = 0
    rates: list[float] = field(default_factory=list)
    seen: list[Device] = field(default_factory=list)


def load(device: torch.device, precision: Precision, size: int, product: Product) -> Load:
    """Return a device ready to be loaded."""
    generator = torch.Generator().manual_seed(3)
    dtype = getattr(torch, precision.dtype)
    x, y = (torch.randn(size, size, generator=generator).to(device, dtype) for _ in range(2))
    return Load(device, x, y, product(x, y).clone())


def sustained(
    devices: list[torch.device],
    seconds: float,
    watch: Callable[[], dict[str, Device]],
    *,
    precision: Precision | None = None,
    size: int = 8192,
    product: Product = multiply,
) -> Iterator[Result]:
    """Load all devices together for ``seconds``, each in the smallest precision it has.

    ``watch`` returns what the driver sees of each device, by torch's name.
    """
    with running_in(FLOAT32):
        loads = [load(device, precision or precisions(device)[-1], size, product) for device in devices]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            burst(loads, product)
            sample = watch()
            for each in loads:
                if str(each.device) in sample:
                    each.seen.append(sample[str(each.device)])
    for each in loads:
        yield from results(each, seconds)


def burst(loads: list[Load], product: Product) -> None:
    """Give every device a burst of products, then look at the bits of the last one."""
    start = time.perf_counter()
    outs = []
    for each in loads:
        for _ in range(BURST):
            out = product(each.x, each.y)
        outs.append(out)
    for each, out in zip(loads, outs, strict=True):
        wait(each.device)
        each.rates.append(BURST * 2 * each.x.shape[0] ** 3 / (time.perf_counter() - start) / 1e12)
        each.rounds += 1
        each.differing += int(not torch.equal(out, each.first))


def results(load: Load, seconds: float) -> Iterator[Result]:
    """Yield what a device's minutes of load came to."""
    name = str(load.device)
    yield judged("sustained load", name, load.differing, f"of {load.rounds} differ", 0, f"{seconds:g} s")
    quarter = max(len(load.rates) // 4, 1)
    early, late = (sum(part) / len(part) for part in (load.rates[:quarter], load.rates[-quarter:]))
    yield Result("sustained rate", name, MEASURED, late, "TFLOP/s", detail=f"{early:.4g} TFLOP/s in the first quarter")
    heats = [each.temperature for each in load.seen if each.temperature is not None]
    powers = [each.power for each in load.seen if each.power is not None]
    clocks = [each.clock for each in load.seen if each.clock is not None]
    if heats:
        yield Result("highest temperature", name, MEASURED, max(heats), "°C", detail=f"{heats[0]} °C at the start")
    if powers:
        yield Result("highest power", name, MEASURED, max(powers), "W")
    if clocks:
        held = sorted({reason for each in load.seen for reason in each.slowdowns})
        yield Result("lowest clock", name, MEASURED, min(clocks), "MHz", detail=", ".join(held))
