"""Following the advice on wheels and drivers: from every machine it ends in a GPU that works, or in a plain refusal."""

import itertools
import re
from functools import cache

import pytest

from layercli.gpu import wheels
from layercli.gpu.checks.diagnose import diagnose
from layercli.gpu.snapshot import Device, Driver, Host, Offered, Runtime, Snapshot, Wheel

PRE_TURING = "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90"
BLACKWELL = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"
ARM, ARM_BLACKWELL = "sm_80 sm_90", "sm_80 sm_90 sm_100 sm_120"
WHEELS = {
    None: (None, "", ""),
    "2.13.0+cpu": (None, "", ""),
    "2.7.1+cu118": ("11.8", PRE_TURING, ARM),
    "2.5.1+cu121": ("12.1", PRE_TURING, ARM),
    "2.5.1+cu124": ("12.4", PRE_TURING, ARM),
    "2.13.0+cu126": ("12.6", PRE_TURING, ARM),
    "2.10.0+cu128": ("12.8", f"sm_70 {BLACKWELL}", ARM_BLACKWELL),
    "2.11.0+cu128": ("12.8", BLACKWELL, ARM_BLACKWELL),
    "2.13.0+cu130": ("13.0", f"{BLACKWELL} compute_120", f"{ARM_BLACKWELL} sm_110 compute_120"),
    "2.14.0+cu132": ("13.2", f"{BLACKWELL} compute_120", f"{ARM_BLACKWELL} sm_110 compute_120"),
    "2.13.0a0+vendor": ("13.0", "sm_90", "sm_90"),
}
"""What the wheels have code for, as PyTorch's release notes tell."""

LATEST = {"cu126": "2.13.0+cu126", "cu128": "2.11.0+cu128", "cu130": "2.13.0+cu130"}
"""What pip installs from an index of today."""

CAPABILITIES = ["3.5", "5.0", "5.2", "6.0", "6.1", "7.0", "7.2", "7.5", "8.0", "8.6", "8.7", "8.9", "9.0", "10.0",
                "10.3", "11.0", "12.0", "12.1"]  # fmt: skip
DRIVERS = {450: "11.0", 470: "11.4", 525: "12.0", 535: "12.2", 560: "12.6", 570: "12.8", 580: "13.0", 590: "13.1"}


def has_code(wheel, capability, machine):
    """NVIDIA's rule: machine code runs on later devices of its generation, PTX on every later one."""
    major, minor = map(int, capability.split("."))
    for kind, digits in (each.split("_") for each in WHEELS[wheel][2 if machine == "aarch64" else 1].split()):
        built = (int(digits[:-1]), int(digits[-1]))
        if (built <= (major, minor)) if kind == "compute" else (built[0] == major and built[1] <= minor):
            return True
    return False


def machine_of(capabilities, driver, wheel, machine):
    """Return the snapshot of a machine, torch's answer included where it would be asked."""
    cuda, x86, arm = WHEELS[wheel]
    seen = Snapshot(
        host=Host(machine=machine, nvidia_cards=len(capabilities), module=f"{driver}.1", nodes=["nvidia0"]),
        driver=Driver(version=f"{driver}.1", cuda=DRIVERS[driver], libcuda=True),
        wheel=Wheel(wheel, cuda),
        devices=[Device(i, capability=each, uuid=f"GPU-{i:08}") for i, each in enumerate(capabilities)],
    )
    if any(each.severity == "error" for each in diagnose(seen)):
        return seen
    offered = [Offered("cuda", i, "GPU", f"GPU-{i:08}", each) for i, each in enumerate(capabilities)]
    listed = (arm if machine == "aarch64" else x86).split()
    return Snapshot(seen.host, seen.driver, seen.wheel, seen.devices, runtime=Runtime(offered, listed))


def ways(remedy, driver, wheel):
    """Return the driver and the wheel after each alternative that a remedy leaves."""
    newer = re.search(r"pdate the driver to (\d+) or newer", remedy)
    install = re.search(
        r"pip install (--force-reinstall )?torch --index-url https://download.pytorch.org/whl/(\w+)$", remedy
    )
    after = max(int(newer.group(1)), driver) if newer else driver
    there = LATEST[install.group(2)] if install else wheel
    assert (after, there) != (driver, wheel), remedy
    if newer and install and ", or install" in remedy:
        return [(after, wheel), (driver, there)]
    return [(after, there)]


@cache
def errors_of(capability, driver, wheel, machine):
    """Return the errors of a machine with one GPU, which many paths lead to."""
    return [each for each in diagnose(machine_of([capability], driver, wheel, machine)) if each.severity == "error"]


def follow(capability, driver, wheel, machine, passed=()):
    """Follow every alternative to its end, and return the ends."""
    here = (driver, wheel)
    assert here not in passed, f"a circle: {[*passed, here]}"
    errors = errors_of(capability, driver, wheel, machine)
    if not errors:
        assert has_code(wheel, capability, machine)
        assert int(DRIVERS[driver].split(".")[0]) >= int(WHEELS[wheel][0].split(".")[0])
        return {"yes"}
    [error] = errors
    if "is not supported by PyTorch's wheels" in error.remedy:
        assert not any(has_code(each, capability, machine) for each in LATEST.values() if each != wheel)
        return {"not supported"}
    ends = set()
    for after, there in ways(error.remedy, driver, wheel):
        if there != wheel:
            assert int(DRIVERS[after].split(".")[0]) >= int(WHEELS[there][0].split(".")[0]), error.remedy
            assert has_code(there, capability, machine), error.remedy
        ends |= follow(capability, after, there, machine, (*passed, here))
    return ends


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_the_advice_ends_in_yes_or_in_a_plain_refusal(capability, machine):
    for driver, wheel in itertools.product(DRIVERS, WHEELS):
        ends = follow(capability, driver, wheel, machine)
        possible = any(has_code(each, capability, machine) for each in LATEST.values())
        works_now = wheel is not None and has_code(wheel, capability, machine)
        assert ends == ({"yes"} if possible or works_now else {"not supported"}), (driver, wheel)


@pytest.mark.parametrize("pair", list(itertools.combinations(["3.5", "6.0", "9.0", "12.0"], 2)))
def test_two_kinds_of_gpu_in_a_machine_are_given_a_wheel_for_both_or_one_each(pair):
    for driver, wheel in itertools.product(DRIVERS, WHEELS):
        for error in diagnose(machine_of(pair, driver, wheel, "x86_64")):
            both = any(all(has_code(each, capability, "x86_64") for capability in pair) for each in LATEST.values())
            if error.code == "arch-unsupported" and not both and "not supported" not in error.remedy:
                assert error.remedy.startswith("No wheel has code for all GPUs of this machine; in an environment")
            if error.code == "arch-unsupported" and both:
                [(_, there)] = ways(error.remedy, driver, wheel)
                assert all(has_code(there, capability, "x86_64") for capability in pair)


def test_a_jetson_is_sent_to_nvidias_own_builds():
    seen = machine_of(["8.7"], 580, "2.13.0+cpu", "aarch64")
    for wheel in (Wheel("2.13.0+cpu"), Wheel(), Wheel("2.13.0+cu130", "13.0")):
        host = Host(machine="aarch64", nodes=["nvhost-gpu", "nvgpu"], nvidia_cards=0)
        offered = Runtime([Offered("cuda", 0, "Orin", "GPU-0", "8.7")], ["sm_90"]) if wheel.cuda else None
        found = diagnose(Snapshot(host, Driver(cuda="12.6", libcuda=True), wheel, seen.devices, runtime=offered))
        assert {each.severity for each in found} == {"error"}
        assert all("NVIDIA's own build of PyTorch" in each.remedy for each in found)
        assert not any("download.pytorch.org" in each.remedy for each in found)


def test_a_gpu_of_unknown_capability_gets_the_newest_wheel_its_driver_runs():
    for driver, index in ((470, None), (560, "cu126"), (580, "cu130")):
        [found] = diagnose(machine_of([None], driver, "2.13.0+cpu", "x86_64"))
        assert found.remedy.endswith(f"whl/{index or 'cu126'}")
        assert found.remedy.startswith("Install" if index else "Update the driver to 525 or newer, then install")


def test_the_installed_wheel_is_not_advised_again():
    hopper = [(9, 0)]
    every = [build.index for build in wheels.covering(hopper, "x86_64")]
    for build in ("cu130", "cu126"):
        left = [each.index for each in wheels.covering(hopper, "x86_64", f"2.13.0+{build}")]
        assert left == [index for index in every if index != build]
    assert [
        each.index for each in wheels.covering(hopper, "x86_64", "2.9.0+cu130")
    ] == every  # an older one had less code
