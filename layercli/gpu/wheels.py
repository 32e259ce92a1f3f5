"""The PyTorch wheels for NVIDIA GPUs: the devices each has code for, the drivers that can run it, and which to install.

The table follows PyTorch's release matrix for 2.10 to 2.14. An index keeps its last release when newer ones drop it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from layercli.dataclass import dataclass
from layercli.gpu.versions import major, numbers, pair

INDEX = "https://download.pytorch.org/whl"
ROCM = "rocm7.2"
MINIMUM_DRIVER = {11: 450, 12: 525, 13: 580}
"""The oldest driver for the wheels of each CUDA generation."""

OLDEST = (2, 10)
"""The first PyTorch release in the table."""

LAST_FOR_PASCAL = 580
"""The last driver that supports GPUs before Turing (7.5)."""

ARCHITECTURE = re.compile(r"(sm|compute)_(\d{1,3})(\d)([af]?)")

Capability = tuple[int, int]


@dataclass(frozen=True)
class CudaBuild:
    """One of PyTorch's CUDA builds: its index, its CUDA generation, and the code it has on x86-64 and on aarch64."""

    index: str
    cuda: int
    x86: str
    aarch64: str

    def has_code_for(self, capability: Capability, machine: str) -> bool:
        """Whether the build runs on a device of that capability."""
        listed = self.aarch64 if machine in ("aarch64", "arm64") else self.x86
        return any(runs(architecture, *capability) for architecture in listed.split())

    def runs_on(self, driver_cuda: str | None) -> bool:
        """Whether a driver for that CUDA can run the build; an unknown driver counts as new."""
        return not driver_cuda or major(driver_cuda) >= self.cuda

    @property
    def command(self) -> str:
        """The command that installs it."""
        return f"pip install --force-reinstall torch --index-url {INDEX}/{self.index}"


BUILDS = (
    CudaBuild(
        "cu130", 13,
        "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120", "sm_80 sm_90 sm_100 sm_110 sm_120 compute_120",
    ),
    CudaBuild("cu126", 12, "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90", "sm_80 sm_90"),
    CudaBuild("cu128", 12, "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120", "sm_80 sm_90 sm_100 sm_120"),
)  # fmt: skip
"""The builds in order of preference; cu128 ends with PyTorch 2.11."""


def runs(arch: str, major: int, minor: int) -> bool:
    """Whether code named ``sm_90`` or ``compute_90`` runs on that capability; ``sm_90a`` runs on 9.0 alone."""
    found = ARCHITECTURE.fullmatch(arch)
    if found is None:
        return False
    kind, *digits, variant = found.groups()
    built = (int(digits[0]), int(digits[1]))
    if variant == "a":
        return built == (major, minor)
    if kind == "compute" and not variant:
        return built <= (major, minor)
    return built[0] == major and built[1] <= minor


def capabilities(texts: Iterable[str | None]) -> list[Capability]:
    """Return the known capabilities."""
    return [known for known in map(pair, texts) if known is not None]


def covering(wanted: Collection[Capability], machine: str, installed: str | None = None) -> list[CudaBuild]:
    """Return the builds with code for all capabilities, except the ``installed`` one, which lacks it."""
    present = (installed or "").partition("+")[2] if numbers(installed)[:2] >= OLDEST else ""
    return [
        build
        for build in BUILDS
        if build.index != present and all(build.has_code_for(each, machine) for each in wanted)
    ]


def advice(
    wanted: Collection[Capability], driver_cuda: str | None, machine: str, installed: str | None = None
) -> str | None:
    """Return how to install a PyTorch for all the devices, or None if no wheel has code for all of them.

    A wheel that the driver cannot run is only named together with a suitable driver. ``installed`` is the version
    of an installed PyTorch without code for the devices.
    """
    builds = covering(wanted, machine, installed)
    if not builds:
        return None
    for build in builds:
        if build.runs_on(driver_cuda):
            return f"install one built for the GPU: {build.command}"
    oldest = min(builds, key=lambda build: build.cuda)
    return f"{update(oldest.cuda, wanted)}, then install a PyTorch for it: {oldest.command}"


def advice_beside(
    alone: Collection[Capability],
    every: Collection[Capability],
    driver_cuda: str | None,
    machine: str,
    installed: str | None = None,
) -> str:
    """Return the advice for some devices of a machine: a wheel for all its devices if possible."""
    together = advice(every, driver_cuda, machine, installed)
    parts = together or advice(alone, driver_cuda, machine, installed)
    if parts is None:
        return not_supported(alone)
    apart = "" if together else "no wheel has code for all GPUs of this machine; in an environment of its own, "
    return capital(apart + parts)


def capital(text: str) -> str:
    """Return text with its first letter in upper case."""
    return f"{text[:1].upper()}{text[1:]}"


def update(cuda: int, wanted: Collection[Capability]) -> str:
    """Return the instruction to install a driver for the CUDA generation and the devices."""
    needed = MINIMUM_DRIVER.get(cuda)
    if needed is None:
        return f"update the driver to one for CUDA {cuda}"
    last = min(wanted, default=(99, 0)) < (7, 5)
    return f"update the driver to {needed} or newer" + (f", up to {LAST_FOR_PASCAL}, the last for this GPU" * last)


def not_supported(wanted: Collection[Capability]) -> str:
    """Return the sentence for devices without any wheel."""
    named = ", ".join("{}.{}".format(*each) for each in sorted(set(wanted)))
    return (
        f"A GPU of capability {named} is not supported by PyTorch's wheels: use the CPU, or build PyTorch from source."
    )
