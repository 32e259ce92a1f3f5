"""Test copies between two GPUs, which an IOMMU or PCIe access control can corrupt or block."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from layercli.gpu.selftest.memory_test import CELL, Write, write
from layercli.gpu.selftest.test_result import SelfTestResult, judged
from layercli.lazy import torch

NAME = "copy between GPUs"


def copies(devices: list[torch.device], size: int = 32 << 20, copy: Write = write) -> Iterator[SelfTestResult]:
    """Copy random numbers from each device to each other one, and compare the results."""
    for number, (source, target) in enumerate(permutations(devices, 2)):
        generator = torch.Generator().manual_seed(number)
        sent = torch.randint(1, 2**31 - 1, (size // CELL,), dtype=torch.int32, generator=generator)
        there = torch.zeros(size // CELL, dtype=torch.int32, device=target)
        copy(there, sent.to(source))
        wrong = int((there.cpu() != sent).sum())
        yield judged(NAME, f"{source}, {target}", wrong, "wrong", 0, f"{source} to {target}")
