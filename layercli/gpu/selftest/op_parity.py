"""Run the project's operations on a device, forward and backward, and compare with float64 on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import field
from typing import Any, Protocol

from layercli.dataclass import dataclass
from layercli.gpu import cuda_error
from layercli.gpu.selftest.gemm import FLOAT32, running_in
from layercli.gpu.selftest.test_result import ERROR, FAILED, PASSED, SelfTestResult
from layercli.lazy import torch

Reference = tuple[list[Any], list["torch.Tensor"]] | None
References = dict[int, Reference]

DRAWS = 4  # runs that must agree for a case to count as deterministic
GATE = 1e-4  # relative Frobenius error of float32 kernels that sum thousands of terms; a wrong kernel is far above it


class Runnable(Protocol):
    """An operation."""

    def run(self, *inputs: Any) -> Any:
        """Compute the operation on tensors."""


class OpCase(Protocol):
    """An operation with valid inputs; inputs whose indices are in ``constants`` get no gradient."""

    @property
    def name(self) -> str:
        """The name of the case."""

    @property
    def op(self) -> Runnable:
        """The operation."""

    @property
    def differentiable(self) -> bool:
        """Whether the gradient is defined and unique."""

    @property
    def constants(self) -> tuple[int, ...]:
        """The indices of the inputs without a gradient."""

    @property
    def invariant(self) -> Callable[[tuple[Any, ...], Any], Any] | None:
        """A function of inputs and outputs that is equal on all devices, if the outputs are not unique."""

    @property
    def bitwise(self) -> bool:
        """Whether the outputs are the bits of the inputs, which depend on the dtype."""

    def arrays(self) -> tuple[Any, ...]:
        """Return the inputs, the same every time: numpy arrays, numbers and None."""


@dataclass
class Tally:
    """The number of agreeing cases, the disagreeing or failed ones, and the largest error of the agreeing ones."""

    agreed: int = 0
    worst: float = 0.0
    worst_name: str = ""
    failures: list[tuple[str, str]] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    stopped: bool = False

    def count(self, name: str, error: float) -> None:
        """Count a case by its error."""
        if not error <= GATE:
            self.failures.append((name, f"relative error {error:.2g}"))
            return
        self.agreed += 1
        if error >= self.worst:
            self.worst, self.worst_name = error, name


def registered() -> list[OpCase]:
    """Return the cases of every registered operation."""
    from layercli.ops.sample_inputs import all_cases

    return list(all_cases())


def parity(
    device: torch.device, cases: Iterable[OpCase] | None = None, references: References | None = None
) -> Iterator[SelfTestResult]:
    """Yield one result per case that disagrees or fails, and one for all of them together.

    ``references`` caches the CPU's results for further devices. After an error that makes CUDA unusable the remaining
    cases are skipped.
    """
    tally = Tally()
    known = {} if references is None else references
    with running_in(FLOAT32):
        for number, case in enumerate(registered() if cases is None else cases):
            if number not in known:
                known[number] = reference(case)
            try_case(case, device, tally, known[number])
            if tally.stopped:
                break
    for verdict, found in ((FAILED, tally.failures), (ERROR, tally.errors)):
        for name, why in found:
            yield SelfTestResult(f"kernel {name}", str(device), verdict, gate=GATE, detail=why)
    yield summary(tally, device)


def summary(tally: Tally, device: torch.device) -> SelfTestResult:
    """Return the result for all cases together."""
    tried = tally.agreed + len(tally.failures) + len(tally.errors)
    detail = f"{tally.agreed} of {tried} cases agree, forward and backward"
    if tally.worst_name:
        detail += f"; the largest error is {tally.worst_name.partition('(')[0]}'s"
    if tally.left_out:
        detail += f"; {len(tally.left_out)} not comparable"
    if tally.stopped:
        detail += "; the rest was skipped"
    verdict = FAILED if tally.failures or not tried else ERROR if tally.errors else PASSED
    return SelfTestResult("kernels", str(device), verdict, tally.worst, "error", GATE, detail)


def reference(case: OpCase) -> Reference:
    """Return the inputs of a case and the CPU's float64 results, None if there are none.

    A case that the CPU cannot run in float64, or that draws random numbers, has no reference.
    """
    try:
        inputs = [torch.from_numpy(each) if hasattr(each, "dtype") else each for each in case.arrays()]
        exact = [each.double() if floating(each) and not case.bitwise else each for each in inputs]
        truth, *others = (seeded(case, exact, seed) for seed in range(DRAWS))
    except Exception:
        return None
    return (inputs, truth) if all(distance(other, truth) == 0 for other in others) else None


def try_case(case: OpCase, device: torch.device, tally: Tally, known: Reference) -> None:
    """Run one case on the device and compare it with its reference."""
    if known is None:
        tally.left_out.append(case.name)
        return
    inputs, truth = known
    try:
        there = [as_tested(case, each).to(device) if isinstance(each, torch.Tensor) else each for each in inputs]
        tally.count(case.name, distance(both_ways(case, there, device), truth))
    except Exception as error:
        text = cuda_error.first_line(f"{type(error).__name__}: {error}")
        if lacking(device.type, error):
            tally.left_out.append(case.name)
            return
        tally.errors.append((case.name, text))
        tally.stopped = cuda_error.code(text) in cuda_error.STICKY


def lacking(backend: str, error: Exception) -> bool:
    """Whether an error means that the backend lacks the operation or the dtype: MPS has no float64."""
    return backend == "mps" and (isinstance(error, NotImplementedError) or "float64" in str(error))


def floating(value: object) -> bool:
    """Whether a value is a tensor of floats."""
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def as_tested(case: OpCase, tensor: torch.Tensor) -> torch.Tensor:
    """Return floats in float32, the precision of the threshold, and everything else unchanged."""
    return tensor.float() if floating(tensor) and not case.bitwise else tensor


def seeded(case: OpCase, inputs: list[object], seed: int) -> list[torch.Tensor]:
    """Return the results of a case on the CPU with random numbers starting from ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(
            seed
        )  # torch.manual_seed also seeds other devices, and formats its stack for each
        return both_ways(case, inputs, torch.device("cpu"))


def both_ways(case: OpCase, inputs: list[Any], device: torch.device) -> list[torch.Tensor]:
    """Return the outputs of a case on a device (or its invariant) and the gradients of its inputs, on the CPU."""
    wanted = [place for place, each in enumerate(inputs) if floating(each) and place not in case.constants]
    leaves = [each.detach() if isinstance(each, torch.Tensor) else each for each in inputs]
    for place in wanted if case.differentiable else []:
        leaves[place].requires_grad_()
    creates = not any(isinstance(each, torch.Tensor) for each in leaves)
    with device if creates else nullcontext():
        computed = case.op.run(*leaves)
    outputs = list(flat(computed if case.invariant is None else case.invariant(tuple(leaves), computed)))
    smooth = [out for out in outputs if out.requires_grad]
    scale = [weights(out) for out in smooth]
    gradients = (
        torch.autograd.grad(smooth, [leaves[place] for place in wanted], scale, allow_unused=True) if smooth else ()
    )
    return [each.detach().cpu() for each in (*outputs, *gradients) if each is not None]


def flat(output: object) -> Iterator[torch.Tensor]:
    """Yield the tensors of a nested output."""
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        yield from flat(list(output.values()))
    elif isinstance(output, list | tuple):
        for part in output:
            yield from flat(part)


def weights(out: torch.Tensor) -> torch.Tensor:
    """Return weights for an output before differentiation, the same on every device."""
    generator = torch.Generator().manual_seed(out.numel())
    drawn = torch.randn(tuple(out.shape), generator=generator)
    return drawn.to(out.device, out.dtype)


def distance(found: list[torch.Tensor], truth: list[torch.Tensor]) -> float:
    """Return the largest relative error among tensors; infinite if they differ in number, shape, kind or NaNs."""
    if len(found) != len(truth) or any(a.shape != b.shape for a, b in zip(found, truth, strict=True)):
        return float("inf")
    return max((difference(a, b) for a, b in zip(found, truth, strict=True)), default=0.0)


def difference(found: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the relative Frobenius error; integers, infinities and NaNs must be equal."""
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
