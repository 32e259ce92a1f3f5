"""The devices visible to CUDA (or HIP): the effect of ``CUDA_VISIBLE_DEVICES``, derived without CUDA."""

from __future__ import annotations

import re

from layercli.dataclass import dataclass
from layercli.gpu.snapshot import Device, Snapshot

HIP = ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
CUDA = ("CUDA_VISIBLE_DEVICES",)


@dataclass(frozen=True)
class Selection:
    """The variable that decides, its value, the selected indices in order, and the first invalid entry."""

    variable: str | None
    value: str
    order: list[int]
    bad: str | None = None
    twice: bool = False


def selection(snapshot: Snapshot) -> Selection:
    """Return the snapshot's devices that torch can see, in torch's order.

    By default CUDA shows a single MIG instance if there is one, and nothing else.
    """
    everything = [device.index for device in snapshot.devices]
    sliced = [device.index for device in snapshot.devices if device.mig and device.mig_instances]
    names = HIP if snapshot.wheel.hip else CUDA
    variable = next((name for name in names if name in snapshot.environment), None)
    if variable is None or any(device.vendor == "apple" for device in snapshot.devices):
        return Selection(None, "", sliced[:1] or everything)
    value = snapshot.environment[variable]
    return chosen(variable, value, snapshot.devices)


def by_speed(snapshot: Snapshot) -> bool:
    """Whether CUDA numbers devices by speed, which only CUDA knows: unequal devices, not selected by UUID or bus order."""
    if snapshot.wheel.hip or snapshot.environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":
        return False
    kinds = {(device.name, device.capability) for device in snapshot.devices if device.vendor == "nvidia"}
    value = selection(snapshot).value
    by_uuid = bool(value) and not any(entry.isdigit() for entry in value.split(","))
    return len(kinds) > 1 and not by_uuid and not any(device.mig for device in snapshot.devices)


def chosen(variable: str, value: str, devices: list[Device]) -> Selection:
    """Follow the list up to its first invalid entry, where CUDA stops; a duplicate device hides all."""
    order: list[int] = []
    for entry in value.split(",") if value else []:
        device = named(entry, devices)
        if device is None:
            return Selection(variable, value, order, entry)
        if device.index in order and not entry.startswith("MIG-"):
            return Selection(variable, value, [], entry, twice=True)
        order.append(device.index)
    return Selection(variable, value, order)


def named(entry: str, devices: list[Device]) -> Device | None:
    """Return the device of one entry: an index, the beginning of a UUID, or a MIG instance."""
    if re.fullmatch(r"[0-9]{1,9}", entry):
        return next((device for device in devices if device.index == int(entry)), None)
    if entry.startswith("MIG-"):
        return next((device for device in devices if entry in device.mig_instances), None)
    matches = [device for device in devices if entry.startswith("GPU-") and (device.uuid or "").startswith(entry)]
    return matches[0] if len(matches) == 1 else None
