"""Each cause has a snapshot, and each snapshot leads to its findings, word for word."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from layercli.gpu import snapshot
from layercli.gpu.checks.diagnose import CAUSES, diagnose

HERE = Path(__file__).parent
SNAPSHOTS = sorted((HERE / "snapshots").glob("*.json"))
FINDINGS = json.loads((HERE / "findings.json").read_text(encoding="utf-8"))

CODES = {
    "ok", "no-torch", "cpu-only-torch", "no-hardware", "no-driver", "container-no-gpu", "container-lost-gpu",
    "no-permission", "driver-too-old", "driver-mismatch", "forward-compat", "fabric-manager", "hidden-by-env",
    "uvm-wedged", "arch-unsupported", "mig", "forked", "busy", "no-memory", "gpu-lost", "unhealthy", "debug-env",
    "hang", "crash", "torch-error", "unexplained", "unseen", "gpu-not-started", "gpu-refused", "confidential",
    "stub-library", "mps", "other-vendor-torch", "cuda-init", "refused-by-system", "mixed-libraries", "rocm-too-old",
}  # fmt: skip


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_a_snapshot_leads_to_its_findings(path):
    found = [[each.code, each.severity, each.device, each.seen, each.remedy] for each in diagnose(snapshot.read(path))]
    assert found == FINDINGS[path.stem]


def test_every_code_has_a_snapshot():
    assert {finding[0] for found in FINDINGS.values() for finding in found} == CODES
    assert {path.stem for path in SNAPSHOTS} == set(FINDINGS)


read = cache(snapshot.read)  # every cause looks at every snapshot


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_every_cause_is_found_somewhere_and_not_in_a_healthy_machine(cause):
    assert any(list(cause(read(path))) for path in SNAPSHOTS)
    for healthy in ("ok", "eight-h100", "amd", "apple"):
        assert list(cause(read(HERE / "snapshots" / f"{healthy}.json"))) == []


@pytest.mark.parametrize("name", sorted(FINDINGS))
def test_what_is_seen_completes_a_sentence_and_a_command_stands_last(name):
    for code, _, _, seen, remedy in FINDINGS[name]:
        assert not seen.endswith(".")
        assert re.match(r"[a-z]|GPU|NVML|CUDA|PyTorch", seen), code
        assert not re.search(r"https?://\S*\.$", remedy)


def test_a_wheel_of_the_other_vendor_is_told_where_nobody_looked_for_amd_s_cards():
    found = snapshot.read(HERE / "snapshots" / "other-vendor-nvidia.json")
    unknown = replace(found, host=replace(found.host, amd_cards=None))
    assert [each.code for each in diagnose(unknown)] == ["other-vendor-torch"]


def test_errors_come_first():
    found = [finding[1] for finding in FINDINGS["unhealthy"]]
    assert found == ["error", "error", "warning", "warning", "warning"]
