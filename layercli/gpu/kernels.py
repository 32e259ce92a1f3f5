"""The project's own operations on a device, forward and backward, against float64 on the CPU."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from layercli.gpu.gemm import FLOAT32, running_in
from layercli.gpu.result import FAILED, PASSED, Result
from layercli.lazy import torch

GATE = 1e-4  # relative Frobenius error of float32 kernels that sum thousands of terms; a wrong kernel is far above it


class Sized(Protocol):
    """What a case says of one input."""

    shape: Any
    dtype: str


class Runnable(Protocol):
    """An operation."""

    def run(self, *tensors: Any) -> Any:
        """Compute the operation on tensors."""


class Case(Protocol):
    """An operation with sizes that it accepts."""

    name: str
    op: Runnable
    inputs: tuple[Sized, ...]


@dataclass
class Tally:
    """How many cases agreed, which did not, and the largest error among those that did."""

    agreed: int = 0
    worst: float = 0.0
    worst_name: str = ""
    failures: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def count(self, name: str, error: float) -> None:
        """Count a case by its error."""
        if not error <= GATE:
            self.failures.append((name, f"relative error {error:.2g}"))
            return
        self.agreed += 1
        if error >= self.worst:
            self.worst, self.worst_name = error, name


def registered() -> list[Case]:
    """Return the cases of every registered operation."""
    from layercli.ops.cases import all_cases

    return list(all_cases())


def parity(device: torch.device, cases: Iterable[Case] | None = None) -> Iterator[Result]:
    """Yield one result per case that disagrees, and one for all of them together."""
    tally = Tally()
    with running_in(FLOAT32):
        for case in registered() if cases is None else cases:
            try_case(case, device, tally)
    for name, why in tally.failures:
        yield Result(f"kernel {name}", str(device), FAILED, gate=GATE, detail=why)
    yield summary(tally, device)


def summary(tally: Tally, device: torch.device) -> Result:
    """Return the result for all cases together."""
    tried = tally.agreed + len(tally.failures)
    detail = f"{tally.agreed} of {tried} cases agree, forward and backward"
    if tally.worst_name:
        detail += f"; the largest error is {tally.worst_name}'s"
    if tally.left_out:
        detail += f"; {len(tally.left_out)} not comparable"
    verdict = PASSED if tally.agreed and not tally.failures else FAILED
    return Result("kernels", str(device), verdict, tally.worst, "error", GATE, detail)


def try_case(case: Case, device: torch.device, tally: Tally) -> None:
    """Run one case on the CPU and on the device, and count how they compare.

    A case that the CPU cannot run in float64, or that comes out differently each time it does, has no reference.
    """
    try:
        inputs = [values(spec, f"{case.name}/{place}") for place, spec in enumerate(case.inputs)]
        truth, again = (both_ways(case, [exact(each) for each in inputs]) for _ in range(2))
    except Exception:
        tally.left_out.append(case.name)
        return
    if distance(truth, again) != 0:
        tally.left_out.append(case.name)
        return
    try:
        tally.count(case.name, distance(both_ways(case, [each.to(device) for each in inputs]), truth))
    except Exception as error:
        tally.failures.append((case.name, f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"))


def values(spec: Sized, seed: str) -> torch.Tensor:
    """Return the same values every time for an input: normal floats, or the integers 0 and 1, which fit any index."""
    generator = torch.Generator().manual_seed(zlib.crc32(seed.encode()))
    dtype = getattr(torch, spec.dtype)
    if dtype.is_floating_point:
        return torch.randn(tuple(spec.shape), generator=generator).to(dtype).float()
    return torch.randint(0, 2, tuple(spec.shape), generator=generator).to(dtype)


def exact(tensor: torch.Tensor) -> torch.Tensor:
    """Return floats in float64 and everything else as it is."""
    return tensor.double() if tensor.is_floating_point() else tensor


def both_ways(case: Case, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the outputs of a case and the gradients of its inputs, on the CPU."""
    leaves = [each.detach().requires_grad_(each.is_floating_point()) for each in inputs]
    outputs = list(flat(case.op.run(*leaves)))
    smooth = [out for out in outputs if out.requires_grad]
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    scale = [weights(out) for out in smooth]
    gradients = torch.autograd.grad(smooth, wanted, scale, allow_unused=True) if smooth and wanted else ()
    return [each.detach().cpu() for each in (*outputs, *gradients) if each is not None]


def flat(output: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors of an output, however it is nested."""
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        yield from flat(list(output.values()))
    elif isinstance(output, list | tuple):
        for part in output:
            yield from flat(part)


def weights(out: torch.Tensor) -> torch.Tensor:
    """Return the same numbers for every device, to weigh an output with before it is differentiated."""
    generator = torch.Generator().manual_seed(out.numel())
    drawn = torch.randn(tuple(out.shape), generator=generator)
    return drawn.to(out.device, out.dtype)


def distance(found: list[torch.Tensor], truth: list[torch.Tensor]) -> float:
    """Return the largest relative error among tensors; infinite where they differ in number, shape, kind or NaNs."""
    if len(found) != len(truth) or any(a.shape != b.shape for a, b in zip(found, truth, strict=True)):
        return float("inf")
    return max((difference(a, b) for a, b in zip(found, truth, strict=True)), default=0.0)


def difference(found: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the relative Frobenius error; whole numbers, infinities and NaNs must be the very same."""
    if not truth.is_floating_point() and not truth.is_complex():
        return 0.0 if torch.equal(found, truth) else float("inf")
    wide = torch.complex128 if truth.is_complex() else torch.float64
    found, truth = found.to(wide), truth.to(wide)
    odd = ~torch.isfinite(truth)
    if not torch.equal(found[odd].nan_to_num(1), truth[odd].nan_to_num(1)) or not torch.isfinite(found[~odd]).all():
        return float("inf")
    error = (found[~odd] - truth[~odd]).norm()
    size = truth[~odd].norm()
    return float(error / size) if size else float(error)
