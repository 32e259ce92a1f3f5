"""Memory tests: patterns over a part of the memory, and transfers there and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from layercli.gpu.byte_units import show
from layercli.gpu.selftest.test_result import SelfTestResult, judged
from layercli.lazy import torch

Write = Callable[["torch.Tensor", "torch.Tensor"], object]

CONSTANTS = (0x00000000, 0xFFFFFFFF, 0x55555555, 0xAAAAAAAA)
CHUNK = 64 << 20  # cells of four bytes
CELL = 4


def write(target: torch.Tensor, source: torch.Tensor) -> object:
    """Copy ``source`` over ``target``."""
    return target.copy_(source)


def free(device: torch.device) -> int:
    """Return the bytes that may be filled: CUDA's free memory, a modest amount elsewhere."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info(device)[0])
    return 1 << 30


def patterns(device: torch.device, size: int, write: Write = write, chunk: int = CHUNK) -> SelfTestResult:
    """Fill ``size`` bytes with one pattern after another, and read all of it back each time."""
    cells = max(size // CELL, 1)
    lengths = [min(chunk, cells - start) for start in range(0, cells, chunk)]
    memory = [torch.empty(length, dtype=torch.int32, device=device) for length in lengths]
    wrong = 0
    for pattern in range(len(CONSTANTS) + 2):
        for place, part in enumerate(memory):
            write(part, expected(pattern, place, part))
        for place, part in enumerate(memory):
            wrong += int((part != expected(pattern, place, part)).sum())
    return judged("memory patterns", str(device), wrong, "wrong", 0, f"{show(cells * CELL)} written and read")


def expected(pattern: int, place: int, part: torch.Tensor) -> torch.Tensor:
    """Return the expected content of a chunk: a constant, or last each cell's own address, then its inverse."""
    if pattern < len(CONSTANTS):
        value = CONSTANTS[pattern]
        return torch.full_like(part, value - (1 << 32) if value >> 31 else value)
    addresses = torch.arange(part.numel(), dtype=torch.int32, device=part.device) + place * 40503
    return addresses if pattern == len(CONSTANTS) else ~addresses


def round_trip(device: torch.device, size: int = 64 << 20, write: Write = write) -> SelfTestResult:
    """Copy random numbers to the device and back, different ones each time."""
    there = torch.empty(size // CELL, dtype=torch.int32, device=device)
    wrong = 0
    for sent in batches(size // CELL, pinned=device.type == "cuda"):
        back = torch.zeros_like(sent)
        write(there, sent)
        write(back, there)
        wrong += int((back != sent).sum())
    return judged("copy there and back", str(device), wrong, "wrong", 0, f"3 x {show(size)}")


def batches(cells: int, pinned: bool) -> Iterator[torch.Tensor]:
    """Yield three different batches of random integers, in pinned memory where that is faster."""
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        batch = torch.randint(-(2**31), 2**31 - 1, (cells,), dtype=torch.int32, generator=generator)
        yield batch.pin_memory() if pinned else batch
