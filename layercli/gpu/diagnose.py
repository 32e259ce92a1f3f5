"""The diagnosis: a pure function from what was seen to what it means. One small function per cause, in this table."""

from __future__ import annotations

from layercli.gpu import device_causes, host_causes, runtime_causes, start_causes
from layercli.gpu.finding import Finding
from layercli.gpu.inventory import inventory
from layercli.gpu.snapshot import Snapshot

CAUSES = (
    host_causes.no_torch,
    host_causes.cpu_only_torch,
    host_causes.no_hardware,
    host_causes.no_driver,
    host_causes.container_lost_gpu,
    host_causes.container_no_gpu,
    host_causes.not_started,
    host_causes.no_permission,
    host_causes.driver_mismatch,
    host_causes.driver_too_old,
    host_causes.gone,
    host_causes.hidden_by_env,
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
    device_causes.gpu_lost,
    device_causes.unreadable,
    device_causes.no_handle,
    device_causes.mig,
    device_causes.busy,
    device_causes.no_memory,
    runtime_causes.arch_unsupported,
    runtime_causes.untouchable,
    device_causes.unhealthy,
    device_causes.fabric_waiting,
    host_causes.debug_env,
)


def diagnose(snapshot: Snapshot) -> list[Finding]:
    """Return the findings, errors first; never none: a machine without complaint gets ``ok``."""
    found = [finding for cause in CAUSES for finding in cause(snapshot)]
    bad = {finding.device for finding in found if finding.severity == "error"}
    devices = {item.device.index for item in inventory(snapshot)}
    if None not in bad and (not devices or devices - bad):
        found += unexplained(snapshot)
    if not found:
        found.append(Finding("ok", "ok", "nothing speaks against using the GPU", ""))
    return sorted(found, key=lambda finding: finding.severity != "error")


def unexplained(snapshot: Snapshot) -> list[Finding]:
    """Return a finding where torch has a complaint, or offers nothing, and no known cause says why."""
    runtime = snapshot.runtime
    if runtime is not None and runtime.error:
        seen = f"torch cannot use the GPU: {runtime.error}"
        return [Finding("torch-error", "error", seen, "Look for this message in PyTorch's and NVIDIA's forums.")]
    if runtime is None and not inventory(snapshot):
        seen = "no GPU shows itself before torch is asked"
        return [Finding("unseen", "warning", seen, "Ask torch: layercli gpu-check --level 1")]
    if runtime is not None and not runtime.devices:
        seen = "no GPU is offered, and none of the known causes explains it"
        return [Finding("unexplained", "error", seen, "Report it with the file that --snapshot FILE writes.")]
    return []
