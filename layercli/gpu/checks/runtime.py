"""Causes that only show when torch is asked: its errors, missing machine code, a process that hung or crashed."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.gpu.checks.device import held
from layercli.gpu.checks.diagnostic import Diagnostic
from layercli.gpu.checks.host import JETSON, is_jetson
from layercli.gpu.probes.devices import Item, inventory
from layercli.gpu.snapshot import Offered, Runtime, Snapshot
from layercli.gpu.versions import pair
from layercli.gpu.wheels import advice_beside, capabilities, runs

NOTHING = Runtime()
NO_CODE = "sm_"  # marks a list as known to contain no machine code; an empty list means unknown


def failed(s: Snapshot, *codes: int) -> bool:
    """Whether torch reported one of these CUDA errors."""
    return (s.runtime or NOTHING).cuda_error in codes


def forward_compat(s: Snapshot) -> Iterator[Diagnostic]:
    """CUDA compatibility libraries on unsuitable hardware or an unsuitable driver."""
    if failed(s, 803, 804):
        code = (s.runtime or NOTHING).cuda_error
        on_path = "; they are on LD_LIBRARY_PATH" if "LD_LIBRARY_PATH" in s.environment else ""
        seen = f"CUDA's compatibility libraries do not fit this driver and GPU (CUDA error {code}){on_path}"
        remedy = "Update the driver, and take the compat folder off LD_LIBRARY_PATH (or remove cuda-compat)."
        yield Diagnostic("forward-compat", "error", seen, remedy)


def uvm_wedged(s: Snapshot) -> Iterator[Diagnostic]:
    """CUDA fails although NVML works: the unified memory driver hangs or is missing."""
    if not failed(s, 999) or s.driver.nvml_error is not None or not s.devices:
        return
    loaded = "nvidia-uvm" in s.host.nodes
    there = "stuck, often after a suspend" if loaded else "not loaded (/dev/nvidia-uvm is missing)"
    remedy = "Stop what uses the GPU, then: sudo rmmod nvidia_uvm; sudo modprobe nvidia_uvm"
    if s.host.wsl:
        there, remedy = "Windows's own, seen from WSL", "Restart WSL, from Windows: wsl --shutdown"
    elif s.host.container:
        there = "stuck, often after a suspend of the host" if loaded else "not handed in (/dev/nvidia-uvm is missing)"
        remedy = "Reload nvidia_uvm on the host." if loaded else "Start the container with: docker run --gpus all ..."
    seen = f"CUDA cannot start (CUDA error 999) though NVML works: the unified memory driver is {there}"
    yield Diagnostic("uvm-wedged", "error", seen, remedy)


def forked(s: Snapshot) -> Iterator[Diagnostic]:
    """CUDA cannot be used after a fork."""
    if "forked subprocess" in ((s.runtime or NOTHING).error or ""):
        seen = "CUDA was started before this process was forked, and a forked process cannot use it"
        remedy = (
            "Start processes with spawn (multiprocessing.set_start_method('spawn')), and set "
            "PYTORCH_NVML_BASED_CUDA_CHECK=1 so that asking for CUDA does not start it."
        )
        yield Diagnostic("forked", "error", seen, remedy)


def untouchable(s: Snapshot) -> Iterator[Diagnostic]:
    """Torch lists the device, but a first tensor on it failed."""
    for item, offered in pairs(s):
        if offered.error is None:
            continue
        known = {46: busy, 2: full}.get(offered.cuda_error or 0)
        if known is not None:
            yield known(item)
        else:
            seen = f"torch cannot use {item.label}: {offered.error}"
            remedy = "Look for Xid errors in dmesg, and for this message in PyTorch's and NVIDIA's forums."
            yield Diagnostic("torch-error", "error", seen, remedy, item.device.index)


def busy(item: Item) -> Diagnostic:
    """CUDA reports that the device is in use."""
    holders = [str(process.pid) for process in item.device.processes]
    by = f"; on it: process {', '.join(holders)}" if holders else ""
    remedy = f"Wait for the process or end it; allow sharing: nvidia-smi -i {item.device.index} -c 0"
    seen = f"{item.label} is busy or unavailable (CUDA error 46){by}"
    return Diagnostic("busy", "error", seen, remedy, item.device.index)


def full(item: Item) -> Diagnostic:
    """There was no memory for even one tensor."""
    seen = f"{item.label} has no memory for a first tensor (CUDA error 2){held(item.device.processes)}"
    return Diagnostic("no-memory", "error", seen, "Stop what holds it, or choose another device.", item.device.index)


def pairs(s: Snapshot) -> Iterator[tuple[Item, Offered]]:
    """Yield each device that torch offers, with torch's description."""
    offers = {f"{offered.backend}:{offered.index}": offered for offered in (s.runtime or NOTHING).devices}
    for item in inventory(s):
        if item.torch in offers:
            yield item, offers[item.torch]


def arch_unsupported(s: Snapshot) -> Iterator[Diagnostic]:
    """The wheel has neither machine code nor PTX for the device."""
    runtime = s.runtime or NOTHING
    for item, offered in pairs(s):
        if not supported(offered, runtime.arch_list):
            what = offered.arch or f"capability {offered.capability}"
            built = " ".join(runtime.arch_list)
            seen = f"this PyTorch ({s.wheel.version}) has no code for {item.label}, {what}; it has {built}"
            yield Diagnostic("arch-unsupported", "error", seen, other_wheel(s, offered), item.device.index)


def supported(offered: Offered, arch_list: list[str]) -> bool:
    """Whether the wheel has machine code for the device, or PTX that the driver can compile for it."""
    if offered.arch:
        return not arch_list or offered.arch in arch_list
    if offered.backend != "cuda" or not offered.capability or not arch_list:
        return True
    capability = pair(offered.capability)
    return capability is None or any(runs(arch, *capability) for arch in arch_list)


def other_wheel(s: Snapshot, offered: Offered) -> str:
    """Return the wheel with code for the device, and for the machine's other devices if possible."""
    if offered.arch:
        runtime = s.runtime or NOTHING
        others = [str(each.index) for each in runtime.devices if supported(each, runtime.arch_list)]
        hide = f", or leave this device out: HIP_VISIBLE_DEVICES={','.join(others)}" if others else "."
        return f"Install a PyTorch for ROCm that lists {offered.arch} (torch.cuda.get_arch_list()){hide}"
    if is_jetson(s):
        return f"Install NVIDIA's own build of PyTorch for this JetPack: see {JETSON}"
    every = capabilities(each.capability for each in (s.runtime or NOTHING).devices)
    alone = capabilities([offered.capability])
    return advice_beside(alone, every, s.driver.cuda, s.host.machine, s.wheel.version)


def ended(s: Snapshot) -> Iterator[Diagnostic]:
    """The process that tested the GPU hung or died."""
    runtime = s.runtime or NOTHING
    doing = f" during {runtime.during}" if runtime.during else ""
    look = "Look for Xid errors in dmesg; reset the GPU (nvidia-smi --gpu-reset) or reboot"
    if runtime.ended == "hang":
        seen = f"the GPU did not answer within {runtime.seconds or 0:g} s{doing}"
        compiled = [item.label for item, offered in pairs(s) if compiles(offered, runtime.arch_list)]
        if compiled:
            seen += f"; this PyTorch has no machine code for {compiled[0]}, and the driver was compiling it"
            look = "Give it minutes, once, or install a PyTorch with code for this GPU"
        yield Diagnostic("hang", "error", seen, f"{look}; a slow machine may need a longer --timeout.")
    elif runtime.ended:
        detail = f": {runtime.detail}" if runtime.detail else ""
        seen = f"the process that tried the GPU died{doing} ({runtime.ended}{detail})"
        yield Diagnostic("crash", "error", seen, f"{look}; see also whether python -c 'import torch' works.")


def compiles(offered: Offered, arch_list: list[str]) -> bool:
    """Whether the wheel has only PTX for the device, which the driver compiles for minutes on first use."""
    machine_code = [architecture for architecture in arch_list if not architecture.startswith("compute")]
    ptx = len(machine_code) < len(arch_list)
    return ptx and not supported(offered, machine_code or [NO_CODE]) and supported(offered, arch_list)
