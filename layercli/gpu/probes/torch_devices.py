"""Query torch: its devices, the architectures it has code for, and its errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from layercli.gpu import cuda_error
from layercli.gpu.probes.environment import shortened
from layercli.gpu.snapshot import Offered, Runtime
from layercli.lazy import torch


def probe() -> Runtime:
    """Return the devices that torch offers; an error of CUDA's initialisation is stored, not raised."""
    try:
        torch.version  # noqa: B018  # the first attribute imports torch, which may fail
    except Exception as error:
        return Runtime(error=cuda_error.first_line(f"import torch fails: {error}"))
    try:
        return Runtime(devices=[*cuda(), *xpu(), *mps()], arch_list=list(torch.cuda.get_arch_list()))
    except Exception as error:
        return Runtime(error=cuda_error.first_line(str(error)), cuda_error=cuda_error.code(str(error)))


def cuda() -> list[Offered]:
    """Return the devices of CUDA, or of ROCm, which torch offers under the same name."""
    if not (torch.version.cuda or torch.version.hip):
        return []
    torch.cuda.init()  # type: ignore[no-untyped-call]  # torch does not annotate it
    return [cuda_device(index) for index in range(torch.cuda.device_count())]


def cuda_device(index: int) -> Offered:
    """Return one device of CUDA or ROCm."""
    known = torch.cuda.get_device_properties(index)
    uuid = str(getattr(known, "uuid", ""))
    amd = torch.version.hip is not None
    return Offered(
        backend="cuda",
        index=index,
        name=known.name,
        uuid=shortened(uuid if uuid.startswith("MIG-") else f"GPU-{uuid}") if uuid and not amd else None,
        capability=None if amd else f"{known.major}.{known.minor}",
        arch=known.gcnArchName.partition(":")[0] if amd else None,
        memory_total=known.total_memory,
    )


def xpu() -> list[Offered]:
    """Return Intel's devices."""
    if not torch.version.xpu or not torch.xpu.is_available():
        return []
    known = [torch.xpu.get_device_properties(index) for index in range(torch.xpu.device_count())]
    return [Offered("xpu", index, each.name, memory_total=each.total_memory) for index, each in enumerate(known)]


def mps() -> list[Offered]:
    """Return Apple's device."""
    if not torch.backends.mps.is_available():
        return []
    return [Offered("mps", 0, "Apple GPU", memory_total=torch.mps.recommended_max_memory())]


def touched(runtime: Runtime, names: Iterable[str]) -> Runtime:
    """Return the runtime after creating a tensor on each named device (``cuda:0``), including errors."""
    wanted = set(names)
    return replace(
        runtime,
        devices=[touch(each) if f"{each.backend}:{each.index}" in wanted else each for each in runtime.devices],
    )


def touch(offered: Offered) -> Offered:
    """Create a tensor on the device and sum its elements."""
    try:
        torch.ones(256, device=f"{offered.backend}:{offered.index}").sum().item()
    except Exception as error:
        return replace(offered, error=cuda_error.first_line(str(error)), cuda_error=cuda_error.code(str(error)))
    return offered
