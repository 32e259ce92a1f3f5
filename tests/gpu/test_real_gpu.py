"""The real thing, where there is one."""

import pytest

from layercli.gpu import check, requires_gpu
from layercli.gpu.result import FAILED, PASSED

pytestmark = [pytest.mark.gpu, requires_gpu()]


@pytest.fixture(scope="module")
def report():
    return check(level=1, min_tflops={"fp32": 0.1}, min_bandwidth={"device": 1, "h2d": 0.1, "d2h": 0.1})


def test_the_answer_is_yes(report):
    assert report.answer, report.sentence
    assert all(test.verdict != FAILED for test in report.tests)
    assert {test.name: test.verdict for test in report.tests}["exact GEMM float32"] == PASSED


def test_the_driver_describes_the_device(report):
    device = report.devices[0].device
    assert device.name
    assert device.memory_total >= device.memory_free > 0


def test_demands_are_measured(report):
    assert len(report.demands) == 4 * len(report.devices)
    assert all(demand.met for demand in report.demands)


def test_every_numeric_test_passes():
    import torch

    from layercli.gpu import gemm, memory

    device = torch.device("cuda:0")
    for precision in gemm.precisions(device):
        assert gemm.exact(device, precision).verdict == PASSED
        near = gemm.random(device, precision)
        assert (near.verdict, near.detail) == (PASSED, f"ran as {precision.name}")
        assert gemm.repeatable(device, precision).verdict == PASSED
    assert memory.patterns(device, 1 << 28).verdict == PASSED
    assert memory.round_trip(device).verdict == PASSED


def test_a_hang_ends_at_its_timeout():
    found = check(level=1, timeout=0.5)
    assert [finding.code for finding in found.findings if finding.severity == "error"] == ["hang"]
