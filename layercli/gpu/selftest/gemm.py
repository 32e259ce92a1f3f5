"""Matrix products that test a device: exact for integers, close to float64 for floats, and reproducible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from layercli.dataclass import dataclass
from layercli.gpu.selftest.test_result import SelfTestResult, judged
from layercli.lazy import torch

Product = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]

DEPTH = 2048  # sums of 2048 products of integers up to 8 are exact in float32, in TF32, and from bfloat16
LARGEST = 8


@dataclass(frozen=True)
class MatmulPrecision:
    """A precision of products; ``gate`` is the allowed relative Frobenius error against float64."""

    name: str
    dtype: str
    gate: float


FLOAT32 = MatmulPrecision("float32", "float32", 1e-6)
TF32 = MatmulPrecision("tf32", "float32", 1e-3)
FLOAT16 = MatmulPrecision("float16", "float16", 5e-4)
BFLOAT16 = MatmulPrecision("bfloat16", "bfloat16", 4e-3)
PRECISIONS = (FLOAT32, TF32, FLOAT16, BFLOAT16)


def precisions(device: torch.device) -> list[MatmulPrecision]:
    """Return the precisions that the device has in hardware."""
    if device.type != "cuda":
        return [FLOAT32, FLOAT16, BFLOAT16]
    if torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0):
        return [precision for precision in PRECISIONS if precision is not TF32 or torch.version.hip is None]
    return [FLOAT32, FLOAT16]


@contextmanager
def running_in(precision: MatmulPrecision) -> Iterator[None]:
    """Set the precision of float32 products and convolutions, and full precision for sums."""
    backends: Any = torch.backends  # torch's stubs lack its newer settings
    settings = backends.cuda.matmul
    halves = ("allow_fp16_reduced_precision_reduction", "allow_bf16_reduced_precision_reduction")
    wanted = "tf32" if precision is TF32 else "ieee"
    before = [(part, part.fp32_precision) for part in (settings, backends.cudnn.conv, backends.cudnn.rnn)]
    sums = {name: getattr(settings, name) for name in halves}
    try:
        for part, _ in before:
            part.fp32_precision = wanted
        for name in halves:
            setattr(settings, name, False)
        yield
    finally:
        for part, value in before:
            part.fp32_precision = value
        for name, value in sums.items():
            setattr(settings, name, value)


def multiply(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return ``x @ y``; for half precision the float32 sums, if the device returns them."""
    if x.is_cuda and x.dtype in (torch.float16, torch.bfloat16) and torch.version.hip is None:
        return torch.mm(x, y, out_dtype=torch.float32)
    return torch.mm(x, y)


@cache
def known_product(size: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return two integer matrices and their exact product, in float64 on the CPU; the seed selects them."""
    x, y = integers(size, DEPTH, 2 * seed), integers(DEPTH, size, 2 * seed + 1)
    return x, y, x @ y


def integers(rows: int, columns: int, seed: int) -> torch.Tensor:
    """Return a matrix of small random integers in float64, on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-LARGEST, LARGEST + 1, (rows, columns), generator=generator).double()


def exact(
    device: torch.device, precision: MatmulPrecision, size: int = 2048, product: Product = multiply
) -> SelfTestResult:
    """Multiply integers whose product is exact, three times with different numbers; every entry must be equal."""
    wrong, detail = 0, ""
    with running_in(precision):
        for seed in range(3):
            x, y, truth = known_product(size, seed)
            dtype = getattr(torch, precision.dtype)
            out = product(x.to(device, dtype), y.to(device, dtype)).cpu()
            expected = truth.to(out.dtype)
            bad = out != expected
            if bad.any() and not wrong:
                row, column = bad.nonzero()[0].tolist()
                detail = f"row {row}, column {column} is {out[row, column]:g}, not {expected[row, column]:g}"
            wrong += int(bad.sum())
    return judged(f"exact GEMM {precision.name}", str(device), wrong, "wrong", 0, detail)


def random(
    device: torch.device, precision: MatmulPrecision, size: int = 1024, product: Product | None = None
) -> SelfTestResult:
    """Multiply normal numbers; the error against float64 also reveals the precision that really ran."""
    generator = torch.Generator().manual_seed(7)
    dtype = getattr(torch, precision.dtype)
    x, y = (torch.randn(size, size, generator=generator).to(dtype) for _ in range(2))
    with running_in(precision):
        out = (product or torch.mm)(x.to(device), y.to(device)).cpu().double()
    error = distance(out, x.double() @ y.double())
    detail = f"ran as {ran_as(precision, error)}"
    return judged(f"random GEMM {precision.name}", str(device), error, "error", precision.gate, detail)


def distance(out: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the relative Frobenius error of ``out``."""
    return float((out - expected).norm() / expected.norm())


def ran_as(asked: MatmulPrecision, error: float) -> str:
    """Return the precision that an error is typical of, given the requested precision."""
    if asked.dtype != "float32" and error <= asked.gate:
        return asked.name
    steps = (FLOAT32, TF32, BFLOAT16) if asked.dtype == "float32" else (BFLOAT16,)
    return next((step.name for step in steps if error <= step.gate), "no precision there is")


def repeatable(
    device: torch.device, precision: MatmulPrecision, size: int = 1024, product: Product = multiply
) -> SelfTestResult:
    """Multiply the same numbers repeatedly, with others in between; all bits must be equal."""
    dtype = getattr(torch, precision.dtype)
    generator = torch.Generator().manual_seed(11)
    x, y, z = (torch.randn(size, size, generator=generator).to(device, dtype) for _ in range(3))
    differing = 0
    with running_in(precision):
        first = product(x, y).clone()
        for _ in range(4):
            product(z, y)
            differing += int(not torch.equal(product(x, y), first))
    return judged(f"repeatability {precision.name}", str(device), differing, "of 4 differ", 0)
