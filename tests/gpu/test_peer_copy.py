"""Copies between devices: each pair both ways, and one that arrives as zeros is caught."""

import pytest
import torch

from layercli.gpu import peer_copy
from layercli.gpu.selftest import plan
from layercli.gpu.selftest.memory_test import write
from layercli.gpu.selftest.test_result import FAILED, PASSED

TWO = [torch.device("cpu"), torch.device("cpu")]


def zeros(target, source):
    target.zero_()


def late(target, source):
    target[:-7] = source[:-7]


@pytest.mark.parametrize(("copy", "verdict", "wrong"), [(write, PASSED, 0), (zeros, FAILED, 1000), (late, FAILED, 7)])
def test_what_arrives_is_compared(copy, verdict, wrong):
    found = list(peer_copy.copies(TWO, 4000, copy))
    assert [(each.name, each.verdict, each.figure, each.detail) for each in found] == [
        ("copy between GPUs", verdict, wrong, "cpu to cpu")
    ] * 2


def test_it_is_planned_where_there_are_two_devices():
    names = [trial.name for trial in plan.plan(2, ["cpu", "cpu"], dict)]
    assert names.count("copy between GPUs") == 1
    assert "copy between GPUs" not in [trial.name for trial in plan.plan(2, ["cpu"], dict)]
    assert "copy between GPUs" not in [trial.name for trial in plan.plan(1, ["cpu", "cpu"], dict)]
