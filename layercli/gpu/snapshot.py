"""Snapshot: the observed state of one machine's GPUs as plain data, convertible to JSON, without private data."""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, asdict, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.errors import FormatError

SCHEMA = "layercli.gpu-snapshot/1"
LARGEST = 16 << 20

T = TypeVar("T")


@dataclass(frozen=True)
class Process:
    """One process on a device; ``kind`` is compute or graphics, ``memory`` in bytes if the driver reports it."""

    pid: int
    kind: str
    memory: int | None = None


@dataclass(frozen=True)
class Device:
    """One device as the driver describes it; unknown values are None.

    ``index`` is nvidia-smi's; ``uuid`` keeps its first eight digits; ``error`` is the NVML code that ended its probe;
    memory is in bytes, temperature in degrees Celsius, power in watts, clocks in MHz.
    """

    index: int
    vendor: str = "nvidia"
    name: str | None = None
    uuid: str | None = None
    pci: str | None = None
    error: int | None = None
    capability: str | None = None
    memory_total: int | None = None
    memory_free: int | None = None
    ecc: bool | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    repair_pending: bool | None = None
    repair_failed: bool | None = None
    temperature: int | None = None
    temperature_limit: int | None = None
    power: float | None = None
    power_limit: float | None = None
    clock: int | None = None
    clock_max: int | None = None
    slowdowns: list[str] = field(default_factory=list)
    pcie_generation: int | None = None
    pcie_generation_max: int | None = None
    pcie_width: int | None = None
    pcie_width_max: int | None = None
    nvlinks: int | None = None
    mig: bool | None = None
    mig_instances: list[str] = field(default_factory=list)
    mig_memory: list[int] = field(default_factory=list)
    compute_mode: str | None = None
    fabric: str | None = None
    processes: list[Process] = field(default_factory=list)


@dataclass(frozen=True)
class Wheel:
    """The installed PyTorch as its version file describes it; ``version`` None means it is not installed."""

    version: str | None = None
    cuda: str | None = None
    hip: str | None = None
    xpu: str | None = None


@dataclass(frozen=True)
class Xid:
    """One NVIDIA driver error from the kernel's log."""

    pci: str
    code: int


@dataclass(frozen=True)
class Host:
    """The machine as the operating system describes it; counts are None if the PCI bus cannot be listed.

    ``module`` is the version of the loaded NVIDIA kernel module, ``nodes`` the device files under /dev,
    ``denied`` the reason why one of them cannot be opened, ``complaints`` the driver's messages in the kernel log.
    ``iommu``: an IOMMU is active.
    """

    platform: str = "linux"
    machine: str = "x86_64"
    wsl: bool = False
    container: bool = False
    nvidia_cards: int | None = None
    amd_cards: int | None = None
    module: str | None = None
    nouveau: bool = False
    nodes: list[str] = field(default_factory=list)
    denied: dict[str, str] = field(default_factory=dict)
    xids: list[Xid] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    iommu: bool = False


@dataclass(frozen=True)
class Driver:
    """NVIDIA's user-space libraries: NVML's answer and libcuda's version; ``nvml_error`` is NVML's own code.

    ``confidential``: a GPU in confidential computing mode is ready; None without that mode.
    """

    nvml_error: int | None = None
    version: str | None = None
    cuda: str | None = None
    libcuda: bool = False
    confidential: bool | None = None


@dataclass(frozen=True)
class Offered:
    """One device as torch offers it; ``arch`` is an AMD device's architecture.

    ``error`` is torch's message from the first tensor on it, and ``cuda_error`` the CUDA code in it.
    """

    backend: str
    index: int
    name: str
    uuid: str | None = None
    capability: str | None = None
    arch: str | None = None
    memory_total: int | None = None
    error: str | None = None
    cuda_error: int | None = None


@dataclass(frozen=True)
class Runtime:
    """The outcome of asking torch in a separate process.

    ``error`` is torch's message and ``cuda_error`` the CUDA code in it. ``ended`` says how the process ended abnormally:
    ``hang`` or the signal; ``during`` is what it was doing, for ``seconds``; ``detail`` is the last line on stderr.
    """

    devices: list[Offered] = field(default_factory=list)
    arch_list: list[str] = field(default_factory=list)
    error: str | None = None
    cuda_error: int | None = None
    ended: str | None = None
    during: str | None = None
    seconds: float | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """Everything the diagnosis uses; ``runtime`` is None if torch was not asked; ``notes`` name failed probes."""

    host: Host = field(default_factory=Host)
    driver: Driver = field(default_factory=Driver)
    wheel: Wheel = field(default_factory=Wheel)
    devices: list[Device] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    runtime: Runtime | None = None

    def to_json(self) -> JSONObject:
        """Return the snapshot as a JSON document."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, document: Any) -> Snapshot:
        """Return the snapshot in a JSON document; FormatError names an invalid entry."""
        schema = document.get("schema") if isinstance(document, dict) else None
        if schema != SCHEMA:
            raise FormatError(
                f"expects a snapshot with the schema {SCHEMA}, got {schema or 'none'}",
                hint="write one with: layercli gpu-check --snapshot FILE",
            )
        return decode_record(cls, {key: value for key, value in document.items() if key != "schema"}, "")


def write(snapshot: Snapshot, path: Path) -> None:
    """Write the snapshot to a file, atomically; FileError if that fails."""
    from layercli.formats.atomic import replacing

    text = json.dumps(snapshot.to_json(), indent=2) + "\n"
    with replacing(path) as stream:
        stream.write(text.encode())


def read(path: Path) -> Snapshot:
    """Return the snapshot in a file; FileError or FormatError if there is none."""
    from layercli.formats.os_errors import reading
    from layercli.formats.strict_json import parse

    with reading(path), path.open("rb") as stream:
        raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise FormatError(f"{path} is larger than any snapshot")
    try:
        return Snapshot.from_json(parse(path, raw, "content"))
    except FormatError as error:
        whole = error.message.startswith(f"{path} ")
        raise FormatError(error.message if whole else f"{path}: {error.message}", hint=error.hint) from None


def decode(wanted: object, value: object, where: str) -> Any:
    """Convert ``value`` from JSON to the type ``wanted``; FormatError names ``where`` it does not match."""
    if isinstance(wanted, types.UnionType):
        return None if value is None else decode(get_args(wanted)[0], value, where)
    if is_dataclass(wanted) and isinstance(wanted, type):
        return decode_record(wanted, value, where)
    if get_origin(wanted) is list and isinstance(value, list):
        return [decode(get_args(wanted)[0], item, f"{where}[{place}]") for place, item in enumerate(value)]
    if get_origin(wanted) is dict and isinstance(value, dict):
        return {printable(key): decode(get_args(wanted)[1], item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, int | float) and not abs(value) < 2**63:
        raise FormatError(f"{where} is not what it should be: a number without bounds")
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not (get_origin(wanted) or wanted):
        raise FormatError(f"{where or 'the document'} is not what it should be: {json.dumps(value)[:60]}")
    return printable(value) if isinstance(value, str) else value


def printable(text: str) -> str:
    """Replace control characters by spaces."""
    return "".join(character if character.isprintable() else " " for character in text)


def decode_record(wanted: type[T], value: object, where: str) -> T:
    """Return a dataclass from its JSON object; missing fields get defaults, unknown ones are an error."""
    if not isinstance(value, dict):
        raise FormatError(f"{where} is not what it should be: {json.dumps(value)[:60]}")
    hints = hints_of(wanted)  # type: ignore[arg-type]  # a class has a hash, which mypy takes for its instances'
    prefix = f"{where}." if where else ""
    if unknown := sorted(value.keys() - hints.keys()):
        raise FormatError(f"{prefix}{unknown[0]} is not an entry of a snapshot")
    for entry in fields(wanted):  # type: ignore[arg-type]  # T is a dataclass, which its type cannot say
        if entry.default is MISSING and entry.default_factory is MISSING and entry.name not in value:
            raise FormatError(f"{prefix}{entry.name} is missing")
    return wanted(**{key: decode(hints[key], item, prefix + key) for key, item in value.items()})


@cache
def hints_of(record: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields: there are as many records of a class as devices, or clock values."""
    return get_type_hints(record)
