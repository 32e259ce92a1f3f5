"""The diagnosis: a pure function from a snapshot to findings, with one small function per cause in this table."""

from __future__ import annotations

from layercli.gpu import start_causes
from layercli.gpu.checks import device, host
from layercli.gpu.checks import runtime as runtime_causes
from layercli.gpu.checks.diagnostic import Diagnostic
from layercli.gpu.probes.devices import inventory
from layercli.gpu.snapshot import Snapshot

CAUSES = (
    host.no_torch,
    host.cpu_only_torch,
    host.torch_of_other_vendor,
    host.no_hardware,
    host.no_driver,
    host.container_lost_gpu,
    host.container_no_gpu,
    host.not_started,
    host.no_permission,
    host.driver_mismatch,
    host.driver_too_old,
    host.gpu_lost_by_driver,
    host.hidden_by_env,
    runtime_causes.forward_compat,
    start_causes.confidential,
    start_causes.fabric_manager,
    start_causes.stub_library,
    start_causes.mps,
    start_causes.unified_memory,
    start_causes.refused_by_system,
    start_causes.mixed_libraries,
    start_causes.amd_too_new,
    runtime_causes.uvm_wedged,
    runtime_causes.forked,
    runtime_causes.ended,
    device.gpu_lost,
    device.unreadable,
    device.no_handle,
    device.mig,
    device.busy,
    device.no_memory,
    runtime_causes.arch_unsupported,
    runtime_causes.untouchable,
    device.unhealthy,
    device.fabric_waiting,
    host.debug_env,
)


def diagnose(snapshot: Snapshot) -> list[Diagnostic]:
    """Return the findings, errors first; never empty: a machine without problems gets ``ok``."""
    found = [finding for cause in CAUSES for finding in cause(snapshot)]
    bad = {finding.device for finding in found if finding.severity == "error"}
    devices = {item.device.index for item in inventory(snapshot)}
    if None not in bad and (not devices or devices - bad):
        found += unexplained(snapshot)
    if not found:
        found.append(Diagnostic("ok", "ok", "nothing speaks against using the GPU", ""))
    return sorted(found, key=lambda finding: finding.severity != "error")


def unexplained(snapshot: Snapshot) -> list[Diagnostic]:
    """Return a finding if torch reports an error, or no device, and no known cause explains it."""
    runtime = snapshot.runtime
    if runtime is not None and runtime.error:
        seen = f"torch cannot use the GPU: {runtime.error}"
        return [Diagnostic("torch-error", "error", seen, "Look for this message in PyTorch's and NVIDIA's forums.")]
    if runtime is None and not inventory(snapshot):
        seen = "no GPU is visible without torch"
        return [Diagnostic("unseen", "warning", seen, "Ask torch: layercli gpu-check --level 1")]
    if runtime is not None and not runtime.devices:
        seen = "no GPU is offered, and none of the known causes explains it"
        return [Diagnostic("unexplained", "error", seen, "Report it with the file that --snapshot FILE writes.")]
    return []
