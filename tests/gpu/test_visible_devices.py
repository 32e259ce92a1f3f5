"""What CUDA_VISIBLE_DEVICES leaves, as CUDA itself reads it."""

import pytest

from layercli.gpu.probes.visible_devices import by_speed, selection
from layercli.gpu.snapshot import Device, Snapshot, Wheel

DEVICES = [
    Device(0, uuid="GPU-aaaaaaaa"),
    Device(1, uuid="GPU-abbbbbbb"),
    Device(2, uuid="GPU-cccccccc", mig=True, mig_instances=["MIG-11111111", "MIG-22222222"]),
]


@pytest.mark.parametrize(
    ("value", "order", "bad"),
    [
        (None, [2], None),
        ("", [], None),
        ("-1", [], "-1"),
        ("1,0", [1, 0], None),
        ("0,-1,1", [0], "-1"),
        ("0,3,1", [0], "3"),
        ("1,1", [], "1"),
        ("GPU-c", [2], None),
        ("GPU-a", [], "GPU-a"),
        ("GPU-aa,GPU-ab", [0, 1], None),
        ("MIG-22222222,MIG-11111111", [2, 2], None),
        ("MIG-33333333", [], "MIG-33333333"),
        ("0,(set)", [0], "(set)"),
    ],
)
def test_the_list_is_followed_up_to_its_first_bad_entry(value, order, bad):
    environment = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
    found = selection(Snapshot(wheel=Wheel("2.13.0", cuda="13.0"), devices=DEVICES, environment=environment))
    assert (found.order, found.bad) == (order, bad)


UNEQUAL = [Device(0, name="RTX 3060", uuid="GPU-aaaaaaaa"), Device(1, name="RTX 5090", uuid="GPU-bbbbbbbb")]


@pytest.mark.parametrize(
    ("environment", "devices", "expected"),
    [
        ({}, UNEQUAL, True),
        ({"CUDA_VISIBLE_DEVICES": "0"}, UNEQUAL, True),
        ({"CUDA_VISIBLE_DEVICES": "GPU-b"}, UNEQUAL, False),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, UNEQUAL, False),
        ({"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, UNEQUAL, True),
        ({}, UNEQUAL[:1], False),
        ({}, [UNEQUAL[0], Device(1, name="RTX 3060")], False),
    ],
)
def test_cuda_numbers_unequal_devices_by_a_speed_that_only_it_knows(environment, devices, expected):
    assert by_speed(Snapshot(wheel=Wheel("2.13.0", cuda="13.0"), devices=devices, environment=environment)) is expected


def test_rocm_reads_its_own_variable_first():
    environment = {"CUDA_VISIBLE_DEVICES": "0", "HIP_VISIBLE_DEVICES": "1"}
    cuda = Snapshot(wheel=Wheel("2.13.0", cuda="13.0"), devices=DEVICES, environment=environment)
    rocm = Snapshot(wheel=Wheel("2.13.0", hip="6.4"), devices=DEVICES, environment=environment)
    assert selection(cuda).order == [0]
    assert selection(rocm).order == [1]
