"""What devices have: memory, bandwidth, and operations a second for each dtype, as their vendors say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from layercli.dataclass import dataclass
from layercli.errors import UsageError, nearest

HERE = "here"
"""The name of this machine, which is measured."""
LIST = "list"
"""In the place of a device: show them all."""


@dataclass(frozen=True)
class DeviceLimits:
    """A device: ``memory`` in bytes, ``bandwidth`` in bytes a second, ``flops`` a second for each dtype of matrices.

    The rates are those without sparsity. The memory is what the data sheet says in units of 10^9 bytes, which is never more
    than the device has. ``source`` is where the figures were read.
    """

    name: str
    title: str
    memory: int
    bandwidth: float
    flops: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def rate(self, dtype: str) -> float | None:
        """Return the operations a second for a dtype; None where the vendor does not say."""
        return self.flops.get(dtype)


def _device(
    name: str, title: str, gigabytes: float, bandwidth: float, source: str, **teraflops: float
) -> tuple[str, DeviceLimits]:
    """Return an entry of the table: gigabytes of memory, gigabytes a second, teraflops by dtype."""
    rates = {dtype: rate * 1e12 for dtype, rate in teraflops.items()}
    return name, DeviceLimits(name, title, int(gigabytes * 1e9), bandwidth * 1e9, rates, source)


DEVICES: dict[str, DeviceLimits] = dict(
    [
        _device("b200", "NVIDIA B200", 180, 8000, "NVIDIA HGX B200 data sheet, 2025",
                float32=1100, bfloat16=2250, float16=2250, float8_e4m3fn=4500, float64=37),
        _device("h200", "NVIDIA H200 SXM", 141, 4800, "NVIDIA H200 data sheet, 2024",
                float32=494.7, bfloat16=989.4, float16=989.4, float8_e4m3fn=1978.9, float64=66.9),
        _device("h100", "NVIDIA H100 SXM", 80, 3350, "NVIDIA H100 data sheet, 2023",
                float32=494.7, bfloat16=989.4, float16=989.4, float8_e4m3fn=1978.9, float64=66.9),
        _device("h100-pcie", "NVIDIA H100 PCIe", 80, 2000, "NVIDIA H100 data sheet, 2023",
                float32=378, bfloat16=756.5, float16=756.5, float8_e4m3fn=1513, float64=51.2),
        _device("a100", "NVIDIA A100 80GB SXM", 80, 2039, "NVIDIA A100 data sheet, 2021",
                float32=156, bfloat16=312, float16=312, float64=19.5),
        _device("a100-40gb", "NVIDIA A100 40GB SXM", 40, 1555, "NVIDIA A100 data sheet, 2021",
                float32=156, bfloat16=312, float16=312, float64=19.5),
        _device("l40s", "NVIDIA L40S", 48, 864, "NVIDIA L40S data sheet, 2023",
                float32=183, bfloat16=362, float16=362, float8_e4m3fn=733),
        _device("l4", "NVIDIA L4", 24, 300, "NVIDIA L4 data sheet, 2023",
                float32=60, bfloat16=121, float16=121, float8_e4m3fn=242),
        _device("a10", "NVIDIA A10", 24, 600, "NVIDIA A10 data sheet, 2021",
                float32=62.5, bfloat16=125, float16=125),
        _device("t4", "NVIDIA T4", 16, 320, "NVIDIA T4 data sheet, 2019", float32=8.1, float16=65),
        _device("v100", "NVIDIA V100 32GB SXM2", 32, 900, "NVIDIA V100 data sheet, 2020",
                float32=15.7, float16=125, float64=7.8),
        _device("rtx4090", "NVIDIA GeForce RTX 4090", 24, 1008, "NVIDIA Ada GPU architecture white paper, 2022",
                float32=82.6, bfloat16=165.2, float16=330.3, float8_e4m3fn=660.6),
        _device("rtx3090", "NVIDIA GeForce RTX 3090", 24, 936, "NVIDIA Ampere GA102 white paper, 2020",
                float32=35.6, bfloat16=71, float16=142),
        _device("mi300x", "AMD Instinct MI300X", 192, 5300, "AMD Instinct MI300X data sheet, 2023",
                float32=653.7, bfloat16=1307.4, float16=1307.4, float8_e4m3fn=2614.9, float64=163.4),
        _device("m3-max", "Apple M3 Max, 128 GB", 128, 400, "Apple MacBook Pro technical specifications, 2023"),
        _device("m2-ultra", "Apple M2 Ultra, 192 GB", 192, 800, "Apple Mac Studio technical specifications, 2023"),
    ]
)  # fmt: skip
"""Every device by its name. float32 is the rate of TF32 where the device has it: the floor of the time stays a floor."""


def find_device(name: str) -> DeviceLimits:
    """Return the device of that name; UsageError with the nearest one where there is none."""
    found = DEVICES.get(name.lower())
    if found is None:
        hint = nearest(name.lower(), [*DEVICES, HERE]) or f"devices: {', '.join([*DEVICES, HERE])}"
        raise UsageError(f"there is no device {name!r}", hint=hint)
    return found
