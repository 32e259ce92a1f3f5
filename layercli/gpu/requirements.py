"""Requirements on a device beyond being usable: memory, capability, rates, bandwidths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from layercli.dataclass import dataclass
from layercli.errors import UsageError, nearest
from layercli.gpu import byte_units, versions
from layercli.gpu.checks.diagnostic import Diagnostic
from layercli.gpu.probes.devices import Item
from layercli.gpu.selftest.test_result import FAILED, PASSED, SelfTestResult
from layercli.inspect.quantities import bytes_in

Floors = str | Iterable[str] | Mapping[str, float] | None

PRECISIONS = {
    "bf16": "bfloat16", "bfloat16": "bfloat16", "fp16": "float16", "float16": "float16",
    "fp32": "float32", "float32": "float32", "tf32": "tf32",
}  # fmt: skip
DIRECTIONS = {"device": "device", "h2d": "h2d", "d2h": "d2h"}


@dataclass(frozen=True)
class Demands:
    """``memory`` in bytes, ``capability`` as two numbers, ``floors`` by the name of the result that must reach them."""

    require: int = 1
    memory: int | None = None
    capability: tuple[int, int] | None = None
    floors: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Demand:
    """One requirement on one device: the wanted value, the actual value (None if unknown), and whether it is met.

    ``met`` is None if torch, which was not asked, may know the value.
    """

    name: str
    device: int
    wanted: str
    got: str | None
    met: bool | None


def parse(require: int, memory: str | int | None, capability: str | None, tflops: Floors, bandwidth: Floors) -> Demands:
    """Return the requirements given on the command line or in Python; UsageError for invalid ones."""
    if require < 1:
        raise UsageError(f"--require expects 1 or more, got {require}")
    rates = {f"rate {name}": value for name, value in floors("--min-tflops", tflops, PRECISIONS, "bf16=500")}
    ways = floors("--min-bandwidth", bandwidth, DIRECTIONS, "device=2000")
    copies = {f"bandwidth {name}": value for name, value in ways}
    return Demands(
        require=require,
        memory=bytes_in(memory, "--min-memory", "16GiB") if isinstance(memory, str) else memory,
        capability=None if capability is None else parse_capability(capability),
        floors=rates | copies,
    )


def parse_capability(text: str) -> tuple[int, int]:
    """Return a compute capability as two numbers."""
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?", text.strip())
    if found is None:
        raise UsageError(f"--min-capability expects a number such as 8.0, got {text!r}")
    return int(found.group(1)), int(found.group(2) or 0)


def floors(option: str, given: Floors, known: Mapping[str, str], example: str) -> Iterator[tuple[str, float]]:
    """Yield the name and the minimum of each ``name=figure``."""
    if isinstance(given, Mapping):
        given = [f"{name}={figure}" for name, figure in given.items()]
    for entry in [given] if isinstance(given, str) else given or []:
        name, equals, figure = entry.partition("=")
        if name not in known:
            raise UsageError(f"{option} expects one of {', '.join(known)}, got {entry!r}", hint=nearest(name, [*known]))
        if not equals or not re.fullmatch(r"\d+(\.\d+)?", figure):
            raise UsageError(f"{option} expects a number as in {example}, got {entry!r}")
        yield known[name], float(figure)


def compare(demands: Demands, item: Item, results: list[SelfTestResult], asked: bool = True) -> Iterator[Demand]:
    """Yield how a device meets each requirement; ``asked``: torch was asked."""
    unknown = False if asked else None
    device = item.device
    if demands.memory is not None:
        total = device.memory_total
        got = None if total is None else byte_units.show(total)
        yield Demand(
            "memory",
            device.index,
            byte_units.show(demands.memory),
            got,
            unknown if total is None else total >= demands.memory,
        )
    if demands.capability is not None:
        capability = versions.pair(device.capability)
        met = unknown if capability is None else capability >= demands.capability
        yield Demand("capability", device.index, "{}.{}".format(*demands.capability), device.capability, met)
    for name, floor in demands.floors.items():
        found = next((each for each in results if each.name == name and each.device == item.torch), None)
        unit = "TFLOP/s" if name.startswith("rate") else "GB/s"
        figure = found.figure if found is not None else None
        got = None if figure is None else f"{figure:.4g} {unit}"
        yield Demand(name, device.index, f"{floor:g} {unit}", got, (figure or 0) >= floor)


def unmet_requirement(item: Item, demand: Demand) -> Diagnostic:
    """Return the finding for a requirement that a device does not meet, or may not meet."""
    if demand.met is None:
        seen = f"{item.label} does not report its {demand.name}, and {demand.wanted} is demanded"
        return Diagnostic("demand", "warning", seen, "Ask torch: layercli gpu-check --level 1", item.device.index)
    seen = f"{item.label} has {demand.name} {demand.got or 'unknown'}, and {demand.wanted} is demanded"
    return Diagnostic("demand", "error", seen, "Choose another device, or ask for less.", item.device.index)


def with_threshold(demands: Demands, result: SelfTestResult) -> SelfTestResult:
    """Return a measured result with the required minimum as its threshold."""
    floor = demands.floors.get(result.name)
    if floor is None or result.figure is None:
        return result
    verdict = PASSED if result.figure >= floor else FAILED
    return SelfTestResult(result.name, result.device, verdict, result.figure, result.unit, floor, result.detail)
