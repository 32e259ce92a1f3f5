"""The project's own operations on a device, forward and backward, against float64 on the CPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from layercli.gpu.gemm import FLOAT32, running_in
from layercli.gpu.result import FAILED, PASSED, Result
from layercli.lazy import torch

DRAWS = 4  # runs that must agree before a case counts as one that draws no random numbers
GATE = 1e-4  # relative Frobenius error of float32 kernels that sum thousands of terms; a wrong kernel is far above it


class Runnable(Protocol):
    """An operation."""

    def run(self, *inputs: Any) -> Any:
        """Compute the operation on tensors."""


class Case(Protocol):
    """An operation with inputs that it accepts; no gradient flows into those whose places are in ``constants``."""

    @property
    def name(self) -> str:
        """What to call the case."""

    @property
    def op(self) -> Runnable:
        """The operation."""

    @property
    def differentiable(self) -> bool:
        """Whether the gradient is defined and unique."""

    @property
    def constants(self) -> tuple[int, ...]:
        """The places of the inputs without a gradient."""

    def arrays(self) -> tuple[Any, ...]:
        """Return the inputs, the same every time: numpy arrays, and numbers and None as they are."""


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
        detail += f"; the largest error is {tally.worst_name.partition('(')[0]}'s"
    if tally.left_out:
        detail += f"; {len(tally.left_out)} not comparable"
    verdict = PASSED if tally.agreed and not tally.failures else FAILED
    return Result("kernels", str(device), verdict, tally.worst, "error", GATE, detail)


def try_case(case: Case, device: torch.device, tally: Tally) -> None:
    """Run one case on the CPU and on the device, and count how they compare.

    A case that the CPU cannot run in float64, or that draws random numbers, has no reference.
    """
    try:
        inputs = [torch.from_numpy(each) if hasattr(each, "dtype") else each for each in case.arrays()]
        exact = [each.double() if floating(each) else each for each in inputs]
        truth, *others = (seeded(case, exact, seed) for seed in range(DRAWS))
        repeats = all(distance(other, truth) == 0 for other in others)
    except Exception:
        repeats = False
    if not repeats:
        tally.left_out.append(case.name)
        return
    try:
        there = [single(each).to(device) if isinstance(each, torch.Tensor) else each for each in inputs]
        tally.count(case.name, distance(both_ways(case, there), truth))
    except Exception as error:
        tally.failures.append((case.name, f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"))


def floating(value: Any) -> bool:
    """Whether a value is a tensor of floats."""
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def single(tensor: torch.Tensor) -> torch.Tensor:
    """Return floats in float32, the precision that the gate is for, and everything else as it is."""
    return tensor.float() if floating(tensor) else tensor


def seeded(case: Case, inputs: list[Any], seed: int) -> list[torch.Tensor]:
    """Return what a case comes to on the CPU when random numbers start from ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return both_ways(case, inputs)


def both_ways(case: Case, inputs: list[Any]) -> list[torch.Tensor]:
    """Return the outputs of a case and the gradients of its inputs, on the CPU."""
    wanted = [place for place, each in enumerate(inputs) if floating(each) and place not in case.constants]
    leaves = [each.detach() if isinstance(each, torch.Tensor) else each for each in inputs]
    for place in wanted if case.differentiable else []:
        leaves[place].requires_grad_()
    outputs = list(flat(case.op.run(*leaves)))
    smooth = [out for out in outputs if out.requires_grad]
    scale = [weights(out) for out in smooth]
    gradients = (
        torch.autograd.grad(smooth, [leaves[place] for place in wanted], scale, allow_unused=True) if smooth else ()
    )
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
