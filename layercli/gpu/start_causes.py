"""Causes that keep CUDA or ROCm from starting although the driver works, identified by torch's error."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.gpu.checks.diagnostic import Diagnostic
from layercli.gpu.checks.runtime import NOTHING, failed
from layercli.gpu.snapshot import Snapshot
from layercli.gpu.versions import numbers

FIRST_ROCM_FOR_GFX115 = (7, 2)
SYSTEM_CUDA = "a system CUDA"


def error_of(s: Snapshot) -> str:
    """Return torch's error message, or an empty string."""
    return (s.runtime or NOTHING).error or ""


def library_path(s: Snapshot, what: str) -> bool:
    """Whether LD_LIBRARY_PATH contains a folder of that kind."""
    return what in s.environment.get("LD_LIBRARY_PATH", "")


def confidential(s: Snapshot) -> Iterator[Diagnostic]:
    """A GPU in confidential computing mode that is not set ready."""
    if s.driver.confidential is False:
        seen = "the GPU is in confidential computing mode and not set ready"
        yield Diagnostic(
            "confidential", "error", seen, "After attestation set it ready: nvidia-smi conf-compute -srs 1"
        )
    elif failed(s, 802) and lacks_fabric(s):
        seen = "CUDA is not ready (CUDA error 802), and no GPU here is on an NVSwitch fabric that it could wait for"
        remedy = "If this machine is in confidential computing mode, after attestation: nvidia-smi conf-compute -srs 1"
        yield Diagnostic("confidential", "error", seen, remedy)


def lacks_fabric(s: Snapshot) -> bool:
    """Return whether the driver, which tells it of GPUs since Hopper, shows that none is on an NVSwitch fabric."""
    tells = all(device.capability and float(device.capability) >= 9 for device in s.devices)
    return bool(s.devices) and tells and all(device.fabric is None for device in s.devices)


def fabric_manager(s: Snapshot) -> Iterator[Diagnostic]:
    """An NVSwitch machine whose fabric is not up."""
    if failed(s, 802) and s.driver.confidential is not False and not lacks_fabric(s):
        of = f" {s.driver.version}" if s.driver.version else " of the driver's version"
        seen = "the NVSwitch fabric of this machine is not up (CUDA error 802)"
        remedy = f"Install nvidia-fabricmanager{of} and start it: systemctl enable --now nvidia-fabricmanager"
        yield Diagnostic("fabric-manager", "error", seen, remedy)


def stub_library(s: Snapshot) -> Iterator[Diagnostic]:
    """The stub libcuda for linking shadows the driver's library."""
    if failed(s, 34):
        path = "; its folder is on LD_LIBRARY_PATH" if library_path(s, "stub") else ""
        seen = f"the CUDA library that is loaded is the stub for linking (CUDA error 34){path}"
        yield Diagnostic(
            "stub-library", "error", seen, "Take the stubs folder of the CUDA toolkit off LD_LIBRARY_PATH."
        )


def mps(s: Snapshot) -> Iterator[Diagnostic]:
    """CUDA is configured to share the GPU through an MPS daemon, which does not answer."""
    code = (s.runtime or NOTHING).cuda_error
    if code not in (805, 806, 807, 808, 809):
        return
    pipe = "; CUDA_MPS_PIPE_DIRECTORY is set" if "CUDA_MPS_PIPE_DIRECTORY" in s.environment else ""
    seen = f"CUDA's multi-process service (MPS) does not take this process (CUDA error {code}){pipe}"
    remedy = "Start it (nvidia-cuda-mps-control -d), or go without it: unset CUDA_MPS_PIPE_DIRECTORY"
    if code in (808, 809):
        remedy = "Wait until other clients of the MPS daemon have ended."
    yield Diagnostic("mps", "error", seen, remedy)


def unified_memory(s: Snapshot) -> Iterator[Diagnostic]:
    """CUDA's start fails where NVML works: drivers 570 and 575 do so with heterogeneous memory management."""
    if failed(s, 3) and s.driver.nvml_error is None and s.devices:
        seen = "CUDA cannot start (CUDA error 3) though NVML works"
        remedy = (
            "Update the driver; drivers 570 and 575 fail so with heterogeneous memory management, which this switches "
            "off (in /etc/modprobe.d, then reload nvidia_uvm): options nvidia_uvm uvm_disable_hmm=1"
        )
        yield Diagnostic("cuda-init", "error", seen, remedy)


def refused_by_system(s: Snapshot) -> Iterator[Diagnostic]:
    """A sandbox or an enclave refuses a system call that CUDA needs."""
    if failed(s, 304):
        seen = "the operating system refuses what CUDA asks of it (CUDA error 304)"
        yield Diagnostic("refused-by-system", "error", seen, "Run it outside of the sandbox, enclave or emulator.")


def mixed_libraries(s: Snapshot) -> Iterator[Diagnostic]:
    """Libraries of another CUDA shadow those of PyTorch."""
    if "undefined symbol" in error_of(s) or "undefined symbol" in ((s.runtime or NOTHING).detail or ""):
        path = "; LD_LIBRARY_PATH names a system CUDA" if library_path(s, SYSTEM_CUDA) else ""
        seen = f"libraries of another CUDA come before PyTorch's own ({symbol(s)}){path}"
        yield Diagnostic(
            "mixed-libraries",
            "error",
            seen,
            "Unset LD_LIBRARY_PATH; if it stays, install PyTorch in a new environment.",
        )


def symbol(s: Snapshot) -> str:
    """Return the clause that names the missing symbol."""
    text = error_of(s) or (s.runtime or NOTHING).detail or ""
    return text[text.index("undefined symbol") :].partition(",")[0]


def amd_too_new(s: Snapshot) -> Iterator[Diagnostic]:
    """ROCm before 7.2 crashes on the GPUs of Strix (gfx115x)."""
    for offered in (s.runtime or NOTHING).devices:
        old = s.wheel.hip is not None and numbers(s.wheel.hip)[:2] < FIRST_ROCM_FOR_GFX115
        if old and (offered.arch or "").startswith("gfx115"):
            seen = f"{offered.arch} crashes with ROCm below 7.2, and this PyTorch ({s.wheel.version}) has {s.wheel.hip}"
            yield Diagnostic("rocm-too-old", "warning", seen, "Install a PyTorch for ROCm 7.2 or newer.")
