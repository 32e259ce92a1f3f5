"""Causes that affect one device and show without torch: lost, partitioned, busy, full, unhealthy."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.gpu.byte_units import show
from layercli.gpu.checks.diagnostic import Diagnostic
from layercli.gpu.probes.devices import Item, inventory
from layercli.gpu.probes.visible_devices import selection
from layercli.gpu.snapshot import Process, Runtime, Snapshot

FALLEN = 79  # the Xid code for a GPU that has fallen off the bus
CONTEXT = 512 << 20  # the memory of CUDA and its libraries before the first tensor


def gpu_lost(s: Snapshot) -> Iterator[Diagnostic]:
    """The device has fallen off the bus, or needs a reset."""
    fallen = {xid.pci for xid in s.host.xids if xid.code == FALLEN}
    for item in inventory(s):
        device = item.device
        if device.error in (15, 16) or (device.pci in fallen and device.error):
            what = "needs a reset (NVML 16)" if device.error == 16 else "has fallen off the bus"
            proof = " (Xid 79)" if device.pci in fallen else f" (NVML {device.error})" if device.error == 15 else ""
            remedy = "Reset it (nvidia-smi --gpu-reset) or power-cycle the machine; if it returns, replace it."
            yield Diagnostic("gpu-lost", "error", f"{item.label} {what}{proof}", remedy, device.index)
    known = {item.device.pci for item in inventory(s)}
    for address in sorted(fallen - known):
        remedy = "Power-cycle the machine; if it returns, replace the card."
        seen = f"the GPU at {address} has fallen off the bus (Xid 79)"
        yield Diagnostic("gpu-lost", "error" if not s.devices else "warning", seen, remedy)


def unreadable(s: Snapshot) -> Iterator[Diagnostic]:
    """NVML lists the device but cannot read it."""
    for item in inventory(s):
        if item.device.error == 999 and not any(xid.code == FALLEN for xid in s.host.xids):
            if s.host.container:
                seen = f"this container has lost {item.label}: NVML answers unknown error (999)"
                yield Diagnostic("container-lost-gpu", "error", seen, "Recreate the container.", item.device.index)
            else:
                seen = f"the driver cannot read {item.label}: NVML answers unknown error (999)"
                remedy = "Look for Xid errors in dmesg; reset the GPU (nvidia-smi --gpu-reset) or reboot."
                yield Diagnostic("gpu-lost", "error", seen, remedy, item.device.index)


HANDLE_ERRORS = {
    4: ("is not permitted for this process", "Ask the scheduler or the container's owner for this device."),
    8: ("does not get enough power", "Connect all of the card's power cables, and power the machine off and on."),
    11: ("gets no interrupts", "Read dmesg | grep NVRM, and look at the machine's BIOS settings."),
}
"""NVML errors for a listed device, instead of a handle."""


def no_handle(s: Snapshot) -> Iterator[Diagnostic]:
    """NVML lists the device but refuses access."""
    for item in inventory(s):
        code = item.device.error
        if code is not None and code not in (15, 16, 999):
            what, remedy = HANDLE_ERRORS.get(code, ("cannot be read", "Read dmesg | grep NVRM; reset it or reboot."))
            yield Diagnostic("gpu-refused", "error", f"{item.label} {what} (NVML {code})", remedy, item.device.index)


def mig(s: Snapshot) -> Iterator[Diagnostic]:
    """MIG mode without an instance, or a whole device selected that is in MIG mode."""
    value = selection(s).value
    for item in inventory(s):
        device = item.device
        if device.mig and not device.mig_instances:
            remedy = f"Create one (nvidia-smi mig -i {device.index} -cgi 9 -C), or leave MIG mode: nvidia-smi -mig 0"
            yield Diagnostic("mig", "error", f"{item.label} is in MIG mode and has no instance", remedy, device.index)
        elif device.mig and device.uuid and device.uuid in value.split(","):
            seen = f"CUDA_VISIBLE_DEVICES names {item.label} as a whole, but it is in MIG mode"
            remedy = f"Name an instance: CUDA_VISIBLE_DEVICES={device.mig_instances[0]}... (nvidia-smi -L lists them)."
            yield Diagnostic("mig", "error", seen, remedy, device.index)


def busy(s: Snapshot) -> Iterator[Diagnostic]:
    """The compute mode excludes other processes."""
    for item in inventory(s):
        device = item.device
        allow = f"Allow sharing: nvidia-smi -i {device.index} -c 0"
        holders = [process for process in device.processes if process.kind == "compute"]
        if device.compute_mode == "prohibited":
            seen = f"{item.label} is set to refuse every computation (compute mode prohibited)"
            yield Diagnostic("busy", "error", seen, allow, device.index)
        elif device.compute_mode == "exclusive" and holders:
            seen = f"{item.label} is in exclusive mode and process {holders[0].pid} holds it"
            yield Diagnostic(
                "busy", "error", seen, f"Wait for process {holders[0].pid} or end it. {allow}", device.index
            )


def no_memory(s: Snapshot) -> Iterator[Diagnostic]:
    """Less free memory than CUDA itself needs."""
    for item in inventory(s):
        device = item.device
        if device.memory_free is None or device.memory_free >= CONTEXT or not device.memory_total:
            continue
        seen = f"{item.label} has {show(device.memory_free)} of {show(device.memory_total)} free"
        remedy = "Stop what holds it, or choose another device."
        yield Diagnostic("no-memory", "error", f"{seen}{held(device.processes)}", remedy, device.index)


def held(processes: list[Process]) -> str:
    """Return the clause that names the processes with the most memory."""
    largest = sorted(processes, key=lambda process: -(process.memory or 0))[:3]
    named = [f"{process.pid}" + (f" ({show(process.memory)})" if process.memory else "") for process in largest]
    return f"; held by process {', '.join(named)}" if named else ""


def unhealthy(s: Snapshot) -> Iterator[Diagnostic]:
    """Memory errors, pending repairs, clocks throttled by heat or power."""
    for item in inventory(s):
        device = item.device
        for severity, seen, remedy in ailments(item):
            yield Diagnostic("unhealthy", severity, f"{item.label} {seen}", remedy, device.index)


def ailments(item: Item) -> Iterator[tuple[str, str, str]]:
    """Yield severity, description and remedy of each problem shown by the device's counters."""
    device = item.device
    reset = f"nvidia-smi --gpu-reset -i {device.index}"
    if device.repair_failed:
        yield "error", "could not replace bad memory rows", "Take it out of service and have it replaced (RMA)."
    if device.ecc_uncorrected:
        counted = f"has {device.ecc_uncorrected} uncorrected memory errors (ECC) since its last reset"
        yield "error", counted, f"Stop its work and reset it ({reset}); if they come back, run dcgmi diag -r 3."
    if device.repair_pending:
        waiting = "has bad memory that its next reset will replace"
        yield "warning", waiting, f"Finish its work, then reset it: {reset}"
    if device.temperature and device.temperature_limit and device.temperature >= device.temperature_limit:
        hot = f"is at {device.temperature} °C, its slowdown limit is {device.temperature_limit} °C"
        yield "warning", hot, "Look at fans, dust and air flow."
    if device.slowdowns:
        held_down = f"has its clocks held down ({', '.join(device.slowdowns)})"
        yield "warning", held_down, "Look at cooling and power supply: nvidia-smi -q -d PERFORMANCE,POWER,TEMPERATURE"


def computed(s: Snapshot) -> set[int]:
    """Return the devices on which torch created a first tensor without errors."""
    offered = {f"{each.backend}:{each.index}" for each in (s.runtime or Runtime()).devices if each.error is None}
    return {item.device.index for item in inventory(s) if item.torch in offered}


def fabric_waiting(s: Snapshot) -> Iterator[Diagnostic]:
    """The device has not joined the NVSwitch fabric, so CUDA will probably fail with error 802."""
    waiting = [item for item in inventory(s) if item.device.fabric in ("not started", "in progress")]
    waiting = [item for item in waiting if item.device.index not in computed(s)]
    if waiting and (s.runtime is None or s.runtime.cuda_error != 802):
        names = ", ".join(str(item.device.index) for item in waiting)
        have = "has" if len(waiting) == 1 else "have"
        seen = f"GPU {names} {have} not joined the NVSwitch fabric ({waiting[0].device.fabric})"
        remedy = "Start the fabric manager of the driver's version: systemctl start nvidia-fabricmanager"
        yield Diagnostic("fabric-manager", "warning", seen, remedy)
