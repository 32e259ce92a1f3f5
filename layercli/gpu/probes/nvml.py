"""Query NVIDIA's management library (NVML) for the driver and each device, through nvidia-ml-py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from layercli.core.types import Tree
from layercli.errors import MissingPackageError
from layercli.gpu.probes import libcuda
from layercli.gpu.probes.environment import shortened
from layercli.gpu.snapshot import Device, Driver, Process
from layercli.lazy import LazyModule

pynvml: Any = LazyModule("pynvml")

UNASKABLE = {3, 6, 13, 25}  # not supported, not found, no such function, other version: normal for older cards
LOST = {15, 16}
UNKNOWN = 999
VITAL = {"nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetName", "nvmlDeviceGetMemoryInfo"}
"""Queries that a healthy device answers; others fail with 999 on healthy cards too."""

HANDLE = "nvmlDeviceGetHandleByIndex"

SLOWDOWNS = {0x08: "hardware slowdown", 0x20: "software thermal", 0x40: "hardware thermal", 0x80: "power brake"}
COMPUTE_MODES = {0: "default", 1: "exclusive", 2: "prohibited", 3: "exclusive"}
FABRIC_STATES = {1: "not started", 2: "in progress", 3: "completed"}


class Session:
    """An open NVML session: a failed query returns None and is noted."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.lost: int | None = None

    def ask(self, function: str, *arguments: object) -> Any:
        """Return the result of the NVML function, or None."""
        try:
            return getattr(pynvml, function)(*arguments)
        except pynvml.NVMLError as error:
            if error.value in LOST or (error.value == UNKNOWN and function in VITAL) or function == HANDLE:
                self.lost = self.lost or error.value
            elif error.value not in UNASKABLE:
                self.note(f"{function}: {error}")
        except pynvml.NVMLLibraryMismatchError:
            return None  # the driver is older than nvidia-ml-py, and has only an earlier version of the function
        except (AttributeError, TypeError, ValueError) as error:
            self.note(f"{function}: {type(error).__name__}")
        return None

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes:
            self.notes.append(text)


def read(notes: list[str]) -> tuple[Driver, list[Device]]:
    """Return the driver and the devices that NVML reports."""
    session = Session(notes)
    try:
        pynvml.nvmlInit()
    except MissingPackageError:
        notes.append("NVML was not queried: nvidia-ml-py is not installed (pip install nvidia-ml-py)")
        return Driver(), []
    except pynvml.NVMLError as error:
        return Driver(nvml_error=error.value), []
    try:
        count = session.ask("nvmlDeviceGetCount") or 0
        return driver(session), [device(session, index) for index in range(count)]
    finally:
        session.ask("nvmlShutdown")


@contextmanager
def monitor(indices: Iterable[int]) -> Iterator[Callable[[], dict[int, Device]]]:
    """Yield a function that returns the current condition of the devices; NVML stays open for fast answers."""
    session = Session([])
    try:
        pynvml.nvmlInit()
    except (MissingPackageError, pynvml.NVMLError):
        yield dict
        return
    try:
        handles = {index: session.ask(HANDLE, index) for index in indices}
        yield lambda: {i: Device(i, **condition(session, h)) for i, h in handles.items() if h is not None}
    finally:
        session.ask("nvmlShutdown")


def driver(session: Session) -> Driver:
    """Return the driver's version and the newest CUDA it can run."""
    cuda = session.ask("nvmlSystemGetCudaDriverVersion")
    version = session.ask("nvmlSystemGetDriverVersion")
    return Driver(
        nvml_error=session.lost,
        version=version,
        cuda=libcuda.version(cuda) if cuda else None,
        confidential=confidential(session),
    )


def confidential(session: Session) -> bool | None:
    """Return whether GPUs in confidential computing mode are ready; None if they are not in that mode."""
    if not hasattr(pynvml, "nvmlSystemGetConfComputeGpusReadyState"):
        return None
    state = session.ask("nvmlSystemGetConfComputeState")
    if state is None or not state.ccFeature:
        return None
    return bool(session.ask("nvmlSystemGetConfComputeGpusReadyState"))


def device(session: Session, index: int) -> Device:
    """Return what NVML reports about the device of that index."""
    session.lost = None
    handle = session.ask(HANDLE, index)
    if handle is None:
        return Device(index, error=session.lost)
    known: dict[str, Any] = {}
    for part in (identity, memory, errors, condition, links, partitions):
        known |= part(session, handle)
    return Device(index, error=session.lost, processes=processes(session, handle), **known)


def identity(session: Session, handle: object) -> dict[str, object]:
    """Return the device's name, capability and modes of use."""
    uuid = session.ask("nvmlDeviceGetUUID", handle)
    pci = session.ask("nvmlDeviceGetPciInfo", handle)
    capability = session.ask("nvmlDeviceGetCudaComputeCapability", handle)
    return {
        "name": session.ask("nvmlDeviceGetName", handle),
        "uuid": shortened(uuid) if uuid else None,
        "pci": address(pci.busId) if pci else None,
        "capability": "{}.{}".format(*capability) if capability else None,
        "compute_mode": COMPUTE_MODES.get(session.ask("nvmlDeviceGetComputeMode", handle)),
    }


def address(bus: str | bytes) -> str:
    """Return a PCI address as the kernel writes it, with a four-digit domain."""
    text = (bus.decode() if isinstance(bus, bytes) else bus).lower()
    domain, _, rest = text.partition(":")
    return f"{domain[-4:]}:{rest}"


def memory(session: Session, handle: object) -> dict[str, object]:
    """Return the memory in bytes."""
    seen = session.ask("nvmlDeviceGetMemoryInfo", handle)
    return {"memory_total": seen.total, "memory_free": seen.free} if seen else {}


def errors(session: Session, handle: object) -> dict[str, object]:
    """Return the memory error counters since the driver was loaded, and pending repairs."""
    mode = session.ask("nvmlDeviceGetEccMode", handle)
    rows = session.ask("nvmlDeviceGetRemappedRows", handle)
    pages = session.ask("nvmlDeviceGetRetiredPagesPendingStatus", handle)
    counted = bool(mode and mode[0])
    return {
        "ecc": bool(mode[0]) if mode else None,
        "ecc_corrected": session.ask("nvmlDeviceGetTotalEccErrors", handle, 0, 0) if counted else None,
        "ecc_uncorrected": session.ask("nvmlDeviceGetTotalEccErrors", handle, 1, 0) if counted else None,
        "repair_pending": bool(rows[2]) if rows else None if pages is None else bool(pages),
        "repair_failed": bool(rows[3]) if rows else None,
    }


def condition(session: Session, handle: object) -> dict[str, Any]:
    """Return temperature, power, clocks and the reasons for throttled clocks."""
    power = session.ask("nvmlDeviceGetPowerUsage", handle)
    limit = session.ask("nvmlDeviceGetEnforcedPowerLimit", handle)
    reasons = session.ask("nvmlDeviceGetCurrentClocksEventReasons", handle)
    if reasons is None:
        reasons = session.ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
    return {
        "temperature": session.ask("nvmlDeviceGetTemperature", handle, 0),
        "temperature_limit": session.ask("nvmlDeviceGetTemperatureThreshold", handle, 1),
        "power": None if power is None else power / 1000,
        "power_limit": None if limit is None else limit / 1000,
        "clock": session.ask("nvmlDeviceGetClockInfo", handle, 1),
        "clock_max": session.ask("nvmlDeviceGetMaxClockInfo", handle, 1),
        "slowdowns": [name for bit, name in SLOWDOWNS.items() if (reasons or 0) & bit],
    }


def links(session: Session, handle: object) -> dict[str, object]:
    """Return the PCIe link, and the number of active NVLinks."""
    return {
        "pcie_generation": session.ask("nvmlDeviceGetCurrPcieLinkGeneration", handle),
        "pcie_generation_max": session.ask("nvmlDeviceGetMaxPcieLinkGeneration", handle),
        "pcie_width": session.ask("nvmlDeviceGetCurrPcieLinkWidth", handle),
        "pcie_width_max": session.ask("nvmlDeviceGetMaxPcieLinkWidth", handle),
        "nvlinks": nvlinks(session, handle),
        "fabric": fabric(session, handle),
    }


def nvlinks(session: Session, handle: object) -> int | None:
    """Return the number of active NVLinks, or None for a device without NVLink."""
    up = None
    for link in range(pynvml.NVML_NVLINK_MAX_LINKS):
        try:
            up = (up or 0) + pynvml.nvmlDeviceGetNvLinkState(handle, link)
        except pynvml.NVMLError:
            break
    return up


def fabric(session: Session, handle: object) -> str | None:
    """Return the state of joining the NVSwitch fabric, or None for a device without one."""
    seen = pynvml.c_nvmlGpuFabricInfo_t()
    if session.ask("nvmlDeviceGetGpuFabricInfo", handle, seen_by(seen)) is None:
        return None
    return FABRIC_STATES.get(seen.state)


def seen_by(structure: Tree) -> object:
    """Return a reference for NVML to fill."""
    from ctypes import byref

    return byref(structure)


def partitions(session: Session, handle: object) -> dict[str, object]:
    """Return whether the device is in MIG mode, and its instances."""
    mode = session.ask("nvmlDeviceGetMigMode", handle)
    if not mode or not mode[0]:
        return {"mig": None if mode is None else False}
    slots = range(session.ask("nvmlDeviceGetMaxMigDeviceCount", handle) or 0)
    found = [session.ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, slot) for slot in slots]
    named = [(session.ask("nvmlDeviceGetUUID", instance), instance) for instance in found if instance is not None]
    sizes = [session.ask("nvmlDeviceGetMemoryInfo", instance) for uuid, instance in named if uuid]
    return {
        "mig": True,
        "mig_instances": [shortened(uuid) for uuid, _ in named if uuid],
        "mig_memory": [size.total for size in sizes] if all(sizes) else [],
    }


def processes(session: Session, handle: object) -> list[Process]:
    """Return the processes on the device: only PID, kind and memory."""
    return [*listed(session.ask, handle, "compute"), *listed(session.ask, handle, "graphics")]


def listed(ask: Callable[..., Any], handle: object, kind: str) -> Iterator[Process]:
    """Yield the device's processes of one kind; older drivers need an older version of the query."""
    question = f"nvmlDeviceGet{kind.capitalize()}RunningProcesses"
    found = ask(question, handle)
    for process in ask(f"{question}_v2", handle) or [] if found is None else found:
        yield Process(process.pid, kind, process.usedGpuMemory)
