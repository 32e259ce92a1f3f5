"""The devices of a snapshot as one list that matches the driver's view with torch's."""

from __future__ import annotations

from dataclasses import replace

from layercli.dataclass import dataclass
from layercli.gpu.probes.visible_devices import by_speed, selection
from layercli.gpu.snapshot import Device, Offered, Snapshot

BACKENDS = {"nvidia": "cuda", "amd": "cuda", "apple": "mps"}
VENDORS = {"mps": "apple", "xpu": "intel"}


@dataclass(frozen=True)
class Item:
    """A device and its name in torch, None if torch does not offer it; ``cuda`` alone before its index is known."""

    device: Device
    torch: str | None

    @property
    def label(self) -> str:
        """The device's name in a sentence."""
        return f"GPU {self.device.index} ({self.device.name})" if self.device.name else f"GPU {self.device.index}"


def inventory(snapshot: Snapshot) -> list[Item]:
    """Return every device; if torch was not asked, its future name there is derived."""
    if snapshot.runtime is None or (snapshot.runtime.ended and not snapshot.runtime.devices):
        return expected(snapshot)
    found = {}
    for offered in snapshot.runtime.devices:
        device = described(offered, snapshot)
        found[device.index] = Item(device, f"{offered.backend}:{offered.index}")
    rest = [Item(device, None) for device in snapshot.devices if device.index not in found]
    return sorted([*found.values(), *rest], key=lambda item: item.device.index)


def expected(snapshot: Snapshot) -> list[Item]:
    """Return the devices with the names that torch will give them."""
    order = selection(snapshot).order
    if order and by_speed(snapshot):
        return [Item(device, BACKENDS.get(device.vendor)) for device in snapshot.devices]
    return [
        Item(
            instance(device, snapshot),
            f"{backend}:{order.index(device.index)}" if backend and device.index in order else None,
        )
        for device in snapshot.devices
        for backend in [BACKENDS.get(device.vendor)]
    ]


def visible_count(snapshot: Snapshot) -> int:
    """Return the maximum number of devices that torch can show."""
    if snapshot.runtime is None or (snapshot.runtime.ended and not snapshot.runtime.devices):
        return len(selection(snapshot).order)
    return len(snapshot.runtime.devices)


def instance(device: Device, snapshot: Snapshot) -> Device:
    """Return a device in MIG mode with the memory of the instance that CUDA shows; any other device unchanged."""
    if not device.mig or not device.mig_instances:
        return device
    named = [entry for entry in selection(snapshot).value.split(",") if entry in device.mig_instances]
    place = device.mig_instances.index(named[0]) if named else 0
    size = device.mig_memory[place] if place < len(device.mig_memory) else None
    return replace(device, memory_total=size, memory_free=None)


def bare(uuid: str | None) -> str:
    """Return the digits of a UUID: torch does not mark the UUID of a MIG instance as one."""
    return (uuid or "").rpartition("-")[2]


def described(offered: Offered, snapshot: Snapshot) -> Device:
    """Return the driver's description of a device that torch offers, completed by torch's."""
    known = match(offered, snapshot)
    vendor = VENDORS.get(offered.backend, "amd" if snapshot.wheel.hip else "nvidia")
    if known is None:
        taken = [device.index for device in snapshot.devices]
        known = Device(offered.index if not taken else max(taken) + 1 + offered.index, vendor=vendor)
    if known.mig and known.mig_instances:  # the driver describes the whole device, torch the MIG slice
        known = replace(known, name=offered.name, memory_total=offered.memory_total, memory_free=None)
    return replace(
        known,
        name=offered.name if vendor != "nvidia" else known.name or offered.name,
        capability=known.capability or (offered.capability if vendor == "nvidia" else None),
        memory_total=known.memory_total or offered.memory_total,
    )


def match(offered: Offered, snapshot: Snapshot) -> Device | None:
    """Return the driver's device with the same UUID, or else the one at that index of the environment's selection."""
    for device in snapshot.devices:
        if bare(offered.uuid) and bare(offered.uuid) in map(bare, (device.uuid, *device.mig_instances)):
            return device
    order = selection(snapshot).order
    index = order[offered.index] if offered.index < len(order) else None
    return next((device for device in snapshot.devices if device.index == index), None)
