"""Query the operating system: PCI cards, kernel driver, device files, containers. Root folders are parameters."""

from __future__ import annotations

import errno
import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from layercli.dataclass import dataclass
from layercli.gpu.snapshot import Device, Host, Xid

NVIDIA, AMD = "0x10de", "0x1002"
DISPLAYS = ("0x0300", "0x0302", "0x0380", "0x1200")  # VGA, 3D, other display, processing accelerator
DEVICE_FILE = re.compile(r"nvidia\d+|nvidiactl|nvidia-uvm|kfd|dxg|nvhost-gpu|nvgpu")
RENDER = re.compile(r"renderD\d+")
AMD_FILES = ("kfd", "dri/renderD")
COMPLAINTS = {
    "open-module-required": "requires use of the NVIDIA open kernel modules",
    "legacy-driver-required": "Legacy drivers",
    "adapter-failed": "RmInitAdapter failed",
}
"""Kernel log messages for GPUs that the driver cannot initialise."""

XID = re.compile(r"NVRM: Xid \(PCI:([0-9a-fA-F:.]+)\): (\d+)")
CONTAINED = re.compile(r"docker|kubepods|containerd|libpod|lxc|garden")


@dataclass(frozen=True)
class Roots:
    """The folders of the operating system's files."""

    proc: Path = Path("/proc")
    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    top: Path = Path("/")


def read(roots: Roots, environment: Mapping[str, str], notes: list[str]) -> Host:
    """Return what the operating system reports about its GPUs."""
    cards = display_cards(roots, notes)
    log = kernel_log(roots.dev / "kmsg")
    return Host(
        platform=sys.platform,
        machine=platform.machine(),
        wsl="microsoft" in text(roots.proc / "sys/kernel/osrelease").lower(),
        container=in_container(roots, environment),
        nvidia_cards=None if cards is None else cards.count(NVIDIA),
        amd_cards=None if cards is None else cards.count(AMD),
        module=module_version(roots),
        nouveau=(roots.sys / "module/nouveau").exists(),
        nodes=device_files(roots),
        xids=xids(log),
        iommu=bool(matching(roots.sys / "class/iommu", re.compile(".+"))),
        complaints=[name for name, words in COMPLAINTS.items() if words in log],
    )


def text(path: Path) -> str:
    """Return a file's text; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def pci_functions(roots: Roots) -> list[Path]:
    """Return the folders of the display cards on the PCI bus, sorted by address."""
    found = sorted((roots.sys / "bus/pci/devices").iterdir())
    return [folder for folder in found if text(folder / "class").startswith(DISPLAYS)]


def display_cards(roots: Roots, notes: list[str]) -> list[str] | None:
    """Return the vendor of each display card, or None if the PCI bus cannot be listed."""
    try:
        return [text(folder / "vendor") for folder in pci_functions(roots)]
    except OSError:
        if sys.platform == "linux":
            notes.append("the PCI bus cannot be listed")
        return None


def module_version(roots: Roots) -> str | None:
    """Return the version of the loaded NVIDIA kernel module."""
    found = re.search(r"Kernel Module.*?(\d+\.\d+(?:\.\d+)?)", text(roots.proc / "driver/nvidia/version"))
    return found.group(1) if found else None


def in_container(roots: Roots, environment: Mapping[str, str]) -> bool:
    """Whether this process appears to run in a container."""
    marks = (roots.top / ".dockerenv", roots.top / "run/.containerenv")
    return (
        any(mark.exists() for mark in marks)
        or "container" in environment
        or CONTAINED.search(text(roots.proc / "1/cgroup")) is not None
    )


def device_files(roots: Roots) -> list[str]:
    """Return the names of the GPU device files under /dev."""
    return sorted([*matching(roots.dev, DEVICE_FILE), *(f"dri/{name}" for name in matching(roots.dev / "dri", RENDER))])


def matching(folder: Path, names: re.Pattern[str]) -> list[str]:
    """Return the matching names in a folder; empty if it cannot be listed."""
    try:
        return [entry.name for entry in folder.iterdir() if names.fullmatch(entry.name)]
    except OSError:
        return []


def denied(roots: Roots, host: Host) -> dict[str, str]:
    """Return why device files cannot be opened: EPERM comes from a container, EACCES from the file's mode.

    AMD device files are tried only if there is an AMD card.
    """
    reasons = {}
    for name in host.nodes:
        if name.startswith("nvidia") or (host.amd_cards and not host.nvidia_cards and name.startswith(AMD_FILES)):
            try:
                os.close(os.open(roots.dev / name, os.O_RDWR | os.O_CLOEXEC))
            except OSError as error:
                reasons[name] = errno.errorcode.get(error.errno or 0, "unknown")
    return reasons


def xids(log: str) -> list[Xid]:
    """Return the NVIDIA driver's Xid errors in the kernel log, each once."""
    found = XID.findall(log)
    return [Xid(pci if "." in pci else f"{pci}.0", int(code)) for pci, code in dict.fromkeys(found)]


def kernel_log(path: Path) -> str:
    """Return the current kernel log, read record by record without blocking."""
    records = []
    try:
        log = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return ""
    try:
        while record := os.read(log, 8192):
            records.append(record)
    except OSError:
        pass
    finally:
        os.close(log)
    return b"".join(records).decode(errors="replace")


def amd_devices(roots: Roots) -> list[Device]:
    """Return the AMD cards that the kernel lists: their addresses and memory."""
    try:
        folders = [folder for folder in pci_functions(roots) if text(folder / "vendor") == AMD]
    except OSError:
        return []
    return [amd_device(index, folder) for index, folder in enumerate(folders)]


def amd_device(index: int, folder: Path) -> Device:
    """Return one AMD card; torch provides its name later."""
    total, used = text(folder / "mem_info_vram_total"), text(folder / "mem_info_vram_used")
    known = total.isdigit() and used.isdigit()
    return Device(
        index,
        vendor="amd",
        name="AMD GPU",
        pci=folder.name,
        memory_total=int(total) if known else None,
        memory_free=int(total) - int(used) if known else None,
    )
