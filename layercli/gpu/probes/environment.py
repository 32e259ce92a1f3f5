"""The environment variables that affect a GPU, with private parts of their values removed."""

from __future__ import annotations

import re
from collections.abc import Mapping

SELECTING = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
DEBUGGING = (
    "CUDA_INJECTION64_PATH",
    "NVTX_INJECTION64_PATH",
    "COMPUTE_PROFILE",
    "CUDA_PROFILE",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_ENABLE_COREDUMP_ON_EXCEPTION",
    "CUDA_FORCE_PTX_JIT",
    "CUDA_DISABLE_PTX_JIT",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "PYTORCH_NO_CUDA_MEMORY_CACHING",
    "AMD_SERIALIZE_KERNEL",
)
OTHER = (
    "CUDA_DEVICE_ORDER",
    "CUDA_MPS_PIPE_DIRECTORY",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_DISABLE_REQUIRE",
    "HSA_OVERRIDE_GFX_VERSION",
)
LIBRARIES = "LD_LIBRARY_PATH"
LIBRARY_FOLDERS = {
    "CUDA compatibility libraries": re.compile(r"/compat(/|:|$)"),
    "CUDA stub libraries": re.compile(r"/stubs(/|:|$)"),
    "a system CUDA": re.compile(r"/cuda[^:/]*/(lib64|lib|targets/[^:]*lib)(/|:|$)"),
}
"""Libraries that may shadow the driver's or the wheel's own."""

PLAIN = re.compile(
    r"-?\d+(\.\d+)*|(GPU|MIG|MIG-GPU)-[0-9a-fA-F-]*"
    r"|PCI_BUS_ID|FASTEST_FIRST|NoDevFiles|all|none|void|compute|utility|graphics|video|display|compat32|ngx"
)
UUID = re.compile(r"((?:GPU|MIG)-(?:GPU-)?[0-9a-fA-F]{8})[0-9a-fA-F/-]*")


def read(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the relevant variables that are set; a value of unexpected form becomes ``(set)``."""
    seen = {name: presentable(environment[name]) for name in SELECTING + DEBUGGING + OTHER if name in environment}
    found = [what for what, folder in LIBRARY_FOLDERS.items() if folder.search(environment.get(LIBRARIES, ""))]
    return seen | ({LIBRARIES: f"({', '.join(found)})"} if found else {})


def presentable(value: str) -> str:
    """Return a value with UUIDs shortened and entries of unexpected form replaced."""
    entries = [shortened(entry.strip()) for entry in value.split(",")]
    return ",".join(entry if not entry or PLAIN.fullmatch(entry) else "(set)" for entry in entries)


def shortened(uuid: str) -> str:
    """Return the first eight digits of a device's UUID, which distinguish the devices of a machine."""
    return UUID.sub(r"\1", uuid)
