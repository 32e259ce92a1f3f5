"""Findings from self-tests: failed devices, and devices slower than equal ones."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.gpu import cuda_error, peer_copy
from layercli.gpu.checks.diagnostic import Diagnostic
from layercli.gpu.probes.devices import Item
from layercli.gpu.selftest.test_result import ERROR, FAILED, MEASURED, SelfTestResult

OUT_OF_MEMORY, NO_KERNEL = 2, 209  # CUDA errors
SLOW = 0.85  # relative to the best device of the same name
SLOW_FROM_HOST = 0.4  # on machines with several sockets a device may be nearer to the memory than its twin
FROM_HOST = ("bandwidth h2d", "bandwidth d2h")


def verdicts(items: list[Item], results: list[SelfTestResult], iommu: bool = False) -> Iterator[Diagnostic]:
    """Yield the findings for the results; ``iommu``: an IOMMU is active."""
    for item in items:
        here = [each for each in results if item.torch in each.device.split(", ")]
        failed = [each for each in here if each.verdict == FAILED]
        if alone := [each for each in failed if each.name != peer_copy.NAME]:
            yield wrong(item, alone)
        if apart := [each for each in failed if each.name == peer_copy.NAME]:
            yield copied_wrong(item, apart[0], iommu)
        if errors := [each for each in here if each.verdict == ERROR]:
            yield not_run(item, errors)
    yield from slower(items, results)


def wrong(item: Item, failed: list[SelfTestResult]) -> Diagnostic:
    """Return the finding for a device that failed self-tests."""
    first = failed[0]
    counted = f"{first.figure:g} {first.unit}" if first.figure is not None and first.unit else ""
    detail = ", ".join(part for part in (counted, first.detail) if part)
    more = f", and {len(failed) - 1} more tests failed" if len(failed) > 1 else ""
    seen = f"{item.label} failed {first.name} ({detail}){more}" if detail else f"{item.label} failed {first.name}{more}"
    remedy = (
        "Run it again; if it stays, run dcgmi diag -r 3 and compare with another GPU of the same kind "
        "before trusting this one."
    )
    return Diagnostic("wrong-results", "error", seen, remedy, item.device.index)


def copied_wrong(item: Item, failed: SelfTestResult, iommu: bool) -> Diagnostic:
    """Return the finding for a device whose copies to or from another one are wrong."""
    on = "; an IOMMU is on" if iommu else ""
    seen = f"{item.label} failed {failed.name} ({failed.detail}: {failed.figure:g} numbers wrong){on}"
    remedy = (
        "Start Linux with iommu=pt or iommu=off, and switch PCIe access control (ACS) off; until then go without: "
        "NCCL_P2P_DISABLE=1, or one GPU alone (CUDA_VISIBLE_DEVICES)."
    )
    return Diagnostic("peer-copy", "error", seen, remedy, item.device.index)


def not_run(item: Item, errors: list[SelfTestResult]) -> Diagnostic:
    """Return the finding for a device on which self-tests could not be run."""
    first = errors[0]
    more = f", and {len(errors) - 1} more tests could not be run" if len(errors) > 1 else ""
    detail = f" ({first.detail})" if first.detail else ""
    seen = f"{item.label} could not run {first.name}{detail}{more}"
    return Diagnostic("test-error", "error", seen, remedy(first.detail), item.device.index)


def remedy(message: str) -> str:
    """Return the remedy for an error in a self-test."""
    code = cuda_error.code(message)
    if code == OUT_OF_MEMORY or "OutOfMemoryError" in message:
        return "Stop what holds the device's memory, and run it again."
    if code == NO_KERNEL:
        return "Install a PyTorch that has code for this device (torch.cuda.get_arch_list())."
    if "CUBLAS_STATUS" in message or "CUDNN_STATUS" in message:
        return (
            "Unset LD_LIBRARY_PATH, and reinstall PyTorch with the cuBLAS and cuDNN it was built with; on GPUs of "
            "capability 12.x cuBLAS 13.5 fails so."
        )
    if code in cuda_error.STICKY:
        return "Look for Xid errors in dmesg; if it stays after a reset (nvidia-smi --gpu-reset), run dcgmi diag -r 3."
    return "Run it again; if it stays, reinstall PyTorch, whose libraries may be incomplete or mixed with others."


def slower(items: list[Item], results: list[SelfTestResult]) -> Iterator[Diagnostic]:
    """Yield a warning for each device that is much slower than the best of its name in some figure."""
    names = {item.torch: item for item in items if item.torch}
    for result in results:
        if result.verdict != MEASURED or result.unit not in ("GB/s", "TFLOP/s") or result.device not in names:
            continue
        item = names[result.device]
        twins = [each for each in results if each.name == result.name and twin(names.get(each.device), item)]
        best = max((each.figure or 0 for each in twins), default=0)
        if (result.figure or 0) < (SLOW_FROM_HOST if result.name in FROM_HOST else SLOW) * best:
            seen = f"{item.label} reaches {result.figure:.4g} {result.unit} in {result.name}, its twin {best:.4g}"
            remedy = "Compare their clocks, power limits, temperatures and PCIe links (nvidia-smi -q)."
            yield Diagnostic("slow-twin", "warning", seen, remedy, item.device.index)


def twin(other: Item | None, item: Item) -> bool:
    """Whether two devices are of the same model."""
    return other is not None and other.device.name == item.device.name
