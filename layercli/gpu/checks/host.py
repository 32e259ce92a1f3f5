"""Causes that affect the whole machine and show without torch: the wheel, the driver, the container."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.gpu.checks.diagnostic import Diagnostic
from layercli.gpu.probes.environment import DEBUGGING
from layercli.gpu.probes.visible_devices import selection
from layercli.gpu.snapshot import Snapshot
from layercli.gpu.versions import major
from layercli.gpu.wheels import INDEX, ROCM, advice_beside, capabilities, capital, covering, update

JETSON = "https://docs.nvidia.com/deeplearning/frameworks/install-pytorch-jetson-platform/"
JETSON_NODES = {"nvhost-gpu", "nvgpu"}
OFF_THE_BUS = {"dxg", "kfd", *JETSON_NODES}  # device files of GPUs that are not on the PCI bus
NO_DEVICES = "NoDevFiles"  # Slurm sets this for a job without a GPU
LOGGED = {
    "open-module-required": "the GPU requires the open kernel modules",
    "legacy-driver-required": "only legacy drivers support the GPU",
    "adapter-failed": "RmInitAdapter failed",
}
"""Explanations of complaints found in the kernel log."""

LIBRARY_MISSING, DRIVER_MISSING, NO_PERMISSION, MISMATCH, UNKNOWN = 12, 9, 4, 18, 999


def wheel_advice(s: Snapshot) -> str:
    """Return which PyTorch to install for the machine's devices, or that there is none."""
    if s.host.amd_cards and not has_nvidia(s):
        return f"Install one built for the GPU: pip install --force-reinstall torch --index-url {INDEX}/{ROCM}"
    if is_jetson(s):
        return f"Install NVIDIA's own build of PyTorch for this JetPack: see {JETSON}"
    wanted = capabilities(device.capability for device in s.devices)
    return advice_beside([max(wanted)] if wanted else [], wanted, s.driver.cuda, s.host.machine)


def is_jetson(s: Snapshot) -> bool:
    """Whether the GPU is a Jetson's, for which PyTorch publishes no wheels."""
    return bool(JETSON_NODES & {*s.host.nodes})


def has_nvidia(s: Snapshot) -> bool:
    """Whether there is any sign of NVIDIA hardware."""
    nvidia = any(device.vendor == "nvidia" for device in s.devices)
    return nvidia or bool(s.host.nvidia_cards) or s.host.module is not None or bool(cards(s))


def cards(s: Snapshot) -> list[str]:
    """Return the device files of NVIDIA cards."""
    return [node for node in s.host.nodes if node[6:].isdigit()]


def no_torch(s: Snapshot) -> Iterator[Diagnostic]:
    """PyTorch is not installed."""
    if s.wheel.version is None:
        remedy = wheel_advice(s) if has_nvidia(s) else "Install it: pip install torch"
        yield Diagnostic("no-torch", "error", "PyTorch is not installed", remedy)


def cpu_only_torch(s: Snapshot) -> Iterator[Diagnostic]:
    """The wheel has no GPU code; Apple's wheels list no GPU but support it."""
    built = s.wheel.cuda or s.wheel.hip or s.wheel.xpu or s.host.platform == "darwin"
    if s.wheel.version in (None, "unknown") or built:
        return
    why = ""
    if s.host.machine == "aarch64" and has_nvidia(s) and not is_jetson(s):
        why = ", as were all of PyPI's for aarch64 before 2.11"
    seen = f"this PyTorch is built for the CPU only ({s.wheel.version}){why}"
    yield Diagnostic("cpu-only-torch", "error", seen, wheel_advice(s))


def torch_of_other_vendor(s: Snapshot) -> Iterator[Diagnostic]:
    """The wheel is built for the GPUs of a vendor of which the machine has none."""
    if s.runtime is not None and (s.runtime.devices or s.runtime.ended):
        return
    nvidia, amd = has_nvidia(s), bool(s.host.amd_cards)
    others = "AMD" if amd and not nvidia else "NVIDIA"
    mine = "AMD" if s.wheel.hip else "NVIDIA" if s.wheel.cuda else None
    if nvidia != amd and mine not in (None, others):
        seen = f"this PyTorch ({s.wheel.version}) is built for {mine} GPUs, and this machine's are from {others}"
        yield Diagnostic("other-vendor-torch", "error", seen, wheel_advice(s))


def no_hardware(s: Snapshot) -> Iterator[Diagnostic]:
    """No GPU on the PCI bus, which is only reliable outside containers; if torch was asked, its answer counts."""
    elsewhere = OFF_THE_BUS & {*s.host.nodes} or s.host.amd_cards or s.wheel.xpu or s.host.nvidia_cards is None
    if has_nvidia(s) or s.devices or elsewhere or s.runtime is not None:
        return
    doubt = ""
    if s.host.wsl:
        doubt = " (in WSL the PCI bus does not show it: look with nvidia-smi on Windows)"
    elif s.host.container:
        doubt = " (this is a container: its host may have one)"
    remedy = "Run on the CPU with --device cpu, or on a machine with a GPU."
    yield Diagnostic("no-hardware", "error", f"no GPU was found on this machine{doubt}", remedy)


def no_driver(s: Snapshot) -> Iterator[Diagnostic]:
    """A card without a kernel driver, or without its libraries."""
    if not has_nvidia(s) or s.driver.nvml_error not in (DRIVER_MISSING, LIBRARY_MISSING):
        return
    if s.host.module is None and not s.host.wsl:
        nouveau = ": the nouveau driver holds it" if s.host.nouveau else ""
        blacklist = "blacklist nouveau, " if s.host.nouveau else ""
        remedy = f"Install NVIDIA's driver{' on the host' if s.host.container else ''}, {blacklist}and reboot."
        yield Diagnostic("no-driver", "error", f"an NVIDIA GPU is there, but its driver is not loaded{nouveau}", remedy)
    elif not s.host.container and cards(s):
        seen = f"the NVIDIA driver {s.host.module} is loaded, but its libraries are not installed"
        remedy = f"Install the user-space part of driver {s.host.module} (libnvidia-ml.so.1, libcuda.so.1)."
        yield Diagnostic("no-driver", "error", seen, remedy)


def container_no_gpu(s: Snapshot) -> Iterator[Diagnostic]:
    """The host's driver is visible, but the container has no devices or libraries."""
    bare = not s.host.container and (cards(s) or s.host.nvidia_cards)
    if s.host.module is None or s.host.denied or bare or is_jetson(s):
        return
    where = "this container" if s.host.container else "this process's container or sandbox"
    visible = s.environment.get("NVIDIA_VISIBLE_DEVICES")
    asked = f" (NVIDIA_VISIBLE_DEVICES={visible or 'empty'})" if visible in ("", "void", "none") else ""
    if not cards(s):
        seen = f"{where} was started without GPUs{asked}: the driver {s.host.module} is loaded, no device file is there"
        yield Diagnostic("container-no-gpu", "error", seen, "Start it with the GPUs: docker run --gpus all ...")
    elif not s.driver.libcuda:
        seen = f"{where} has the GPUs but not the CUDA library (libcuda.so.1)"
        remedy = "Start it with docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility ..."
        yield Diagnostic("container-no-gpu", "error", seen, remedy)


def not_started(s: Snapshot) -> Iterator[Diagnostic]:
    """A card and a kernel driver that cannot initialise it: NVML lists no device."""
    asked = s.driver.version is not None or s.driver.nvml_error == DRIVER_MISSING
    if s.host.container or s.host.module is None or not s.host.nvidia_cards or s.devices or not asked:
        return
    if closed(s, "EPERM") or closed(s, "EACCES"):
        return
    logged = [words for name, words in LOGGED.items() if name in s.host.complaints]
    log = f" (kernel log: {logged[0]})" if logged else ""
    seen = f"the driver {s.host.module} is loaded and does not start the NVIDIA GPU that is on the PCI bus{log}"
    if "open-module-required" in s.host.complaints:
        remedy = "Install the driver with its open kernel modules (nvidia-open), which this GPU needs, and reboot."
    elif "legacy-driver-required" in s.host.complaints:
        remedy = "Install the older driver branch that knows this GPU: dmesg | grep NVRM names it"
    else:
        remedy = (
            "Read dmesg | grep NVRM. GPUs since Blackwell need the open kernel modules (nvidia-open), GPUs that the "
            "driver no longer knows an older branch; else power the machine off and on."
        )
    yield Diagnostic("gpu-not-started", "error", seen, remedy)


def container_lost_gpu(s: Snapshot) -> Iterator[Diagnostic]:
    """The container lost access to its devices while it ran."""
    refused = closed(s, "EPERM")
    if not s.host.container or not (refused or s.driver.nvml_error == UNKNOWN):
        return
    sign = f"opening /dev/{refused[0]} is not permitted (EPERM)" if refused else "NVML answers unknown error (999)"
    seen = f"this container has lost its GPU: {sign}"
    remedy = (
        "Recreate the container; a systemd daemon-reload takes the devices from containers that were not given "
        "them by name (docker run --device /dev/nvidia0 ...)."
    )
    yield Diagnostic("container-lost-gpu", "error", seen, remedy)


def closed(s: Snapshot, reason: str) -> list[str]:
    """Return the device files that cannot be opened for a reason, unless a device is usable anyway.

    A scheduler such as Slurm gives a job some of a machine's devices and denies access to the others.
    """
    if any(device.vendor == "nvidia" and device.error is None for device in s.devices):
        return []
    refused = [name for name, why in s.host.denied.items() if why == reason]
    one_opens = any(name not in s.host.denied for name in cards(s))
    return [name for name in refused if not (one_opens and name[6:].isdigit())]


def no_permission(s: Snapshot) -> Iterator[Diagnostic]:
    """The mode of the device file denies access to this user, or the control group of a scheduler to this process."""
    refused = closed(s, "EACCES")
    if refused:
        seen = f"this user may not open /dev/{refused[0]} (EACCES)"
        remedy = "Add the user to the group that owns the file (often video or render), and log in again."
        if refused[0].startswith(("kfd", "dri/")):
            remedy = "Add the user to AMD's groups, and log in again: sudo usermod -aG render,video $USER"
        yield Diagnostic("no-permission", "error", seen, remedy)
    elif (refused := closed(s, "EPERM")) and not s.host.container:
        seen = f"this process was given no GPU: opening /dev/{refused[0]} is not permitted (EPERM)"
        remedy = "Ask the scheduler for one (srun --gres=gpu:1 ...); if this is a container, recreate it."
        yield Diagnostic("no-permission", "error", seen, remedy)


def driver_too_old(s: Snapshot) -> Iterator[Diagnostic]:
    """The wheel's CUDA generation is newer than the driver's."""
    if not s.wheel.cuda or not s.driver.cuda or not 0 < major(s.driver.cuda) < major(s.wheel.cuda):
        return
    newest = f"the driver {s.driver.version or s.host.module or ''}".rstrip()
    seen = f"{newest} runs CUDA up to {s.driver.cuda}, and this PyTorch ({s.wheel.version}) needs CUDA {s.wheel.cuda}"
    yield Diagnostic("driver-too-old", "error", seen, newer_driver_or_other_wheel(s))


def newer_driver_or_other_wheel(s: Snapshot) -> str:
    """Return both remedies for a driver that is too old, if they lead to code for the devices."""
    if is_jetson(s):
        return f"Update JetPack, or install NVIDIA's own build of PyTorch for it: see {JETSON}"
    wanted = capabilities(device.capability for device in s.devices)
    builds = covering(wanted, s.host.machine)
    fitting = [build for build in builds if build.runs_on(s.driver.cuda)]
    if all(build.cuda != major(s.wheel.cuda) for build in builds):
        return wheel_advice(s)  # a newer driver does not help: this wheel has no code for the devices
    newer = capital(update(major(s.wheel.cuda), wanted))
    return f"{newer}, or install a PyTorch for an older CUDA: {fitting[0].command}" if fitting else f"{newer}."


def driver_mismatch(s: Snapshot) -> Iterator[Diagnostic]:
    """The libraries were updated while an older kernel module is loaded."""
    if s.driver.nvml_error == MISMATCH:
        loaded = f" ({s.host.module})" if s.host.module else ""
        seen = f"the loaded NVIDIA kernel module{loaded} and the installed driver libraries are of different versions"
        remedy = "Reboot, or stop what uses the GPU and reload the modules: rmmod nvidia_uvm nvidia && modprobe nvidia"
        yield Diagnostic("driver-mismatch", "error", seen, remedy)


def gpu_lost_by_driver(s: Snapshot) -> Iterator[Diagnostic]:
    """NVML reports a lost GPU."""
    if s.driver.nvml_error in (15, 16):
        seen = f"the driver has lost a GPU (NVML {s.driver.nvml_error})"
        yield Diagnostic("gpu-lost", "error", seen, "Reset it (nvidia-smi --gpu-reset) or power-cycle the machine.")


def hidden_by_env(s: Snapshot) -> Iterator[Diagnostic]:
    """An environment variable selects fewer devices than it lists."""
    chosen = selection(s)
    if chosen.variable is None or not (s.devices or has_nvidia(s)):
        return
    setting = f"{chosen.variable}={chosen.value}"
    if chosen.value == NO_DEVICES:
        seen = f"this job was given no GPU by Slurm ({setting})"
        yield Diagnostic("hidden-by-env", "error", seen, "Ask for one: srun --gres=gpu:1 ... (or sbatch)")
        return
    correct = f"Unset {chosen.variable}, or set it to numbers or UUIDs that nvidia-smi -L lists."
    if chosen.value in ("", "-1"):
        seen = f"{setting} hides every GPU" if chosen.value else f"{chosen.variable} is empty, which hides every GPU"
        yield Diagnostic("hidden-by-env", "error", seen, correct)
    elif chosen.bad is not None and s.devices:
        named = f"{chosen.bad} is {'named twice' if chosen.twice else 'no GPU of this machine'}"
        hidden = "it and what follows are hidden" if chosen.order else "every GPU is hidden"
        severity = "warning" if chosen.order else "error"
        yield Diagnostic("hidden-by-env", severity, f"in {setting}, {named}, so {hidden}", correct)


def debug_env(s: Snapshot) -> Iterator[Diagnostic]:
    """An environment variable slows CUDA down, or loads other code into it."""
    found = [f"{name}={s.environment[name]}" for name in DEBUGGING if s.environment.get(name, "0") not in ("", "0")]
    if found:
        names = " ".join(setting.partition("=")[0] for setting in found)
        seen = f"debugging or profiling is switched on: {', '.join(found)}"
        yield Diagnostic("debug-env", "warning", seen, f"Unless it is meant: unset {names}")
