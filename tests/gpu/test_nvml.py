"""Everything NVML can tell, through a fake module in place of nvidia-ml-py's library."""

import sys
from types import SimpleNamespace

import pynvml
import pytest

from layercli.gpu.probes import nvml
from layercli.gpu.snapshot import Device, Driver, Process


class FakeNvml:
    """nvidia-ml-py with its functions replaced: a value is answered, an int error code is raised."""

    NVMLError = pynvml.NVMLError
    NVMLLibraryMismatchError = pynvml.NVMLLibraryMismatchError
    NVML_NVLINK_MAX_LINKS = 4
    c_nvmlGpuFabricInfo_t = pynvml.c_nvmlGpuFabricInfo_t

    def __init__(self, **answers):
        self.answers = answers

    def __getattr__(self, name):
        if name not in self.answers:
            raise AttributeError(name)
        return lambda *arguments: self.answer(self.answers[name], arguments)

    def answer(self, value, arguments):
        if isinstance(value, Exception):
            raise value
        return value(*arguments) if callable(value) else value


def error(code):
    return pynvml.NVMLError(code)


def fabric(handle, reference):
    reference._obj.state = 2
    return 0


def links(handle, link):
    if link == 3:
        raise error(2)
    return int(link != 1)


def instance(handle, slot):
    if slot:
        raise error(6)
    return "instance"


FULL = {
    "nvmlInit": None,
    "nvmlShutdown": None,
    "nvmlSystemGetDriverVersion": "580.65.06",
    "nvmlSystemGetCudaDriverVersion": 13010,
    "nvmlDeviceGetCount": 1,
    "nvmlDeviceGetHandleByIndex": "handle",
    "nvmlDeviceGetName": "NVIDIA H100",
    "nvmlDeviceGetUUID": lambda handle: ("MIG-5a1c0e11" if handle == "instance" else "GPU-3d1a5c00") + "-1111-2222",
    "nvmlDeviceGetPciInfo": SimpleNamespace(busId="00000000:3B:00.0"),
    "nvmlDeviceGetCudaComputeCapability": (9, 0),
    "nvmlDeviceGetComputeMode": 0,
    "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(
        total=(10 if handle == "instance" else 80) << 30, free=70 << 30
    ),
    "nvmlDeviceGetEccMode": [1, 1],
    "nvmlDeviceGetTotalEccErrors": lambda handle, kind, counter: 5 + kind,
    "nvmlDeviceGetRemappedRows": (0, 1, 1, 0),
    "nvmlDeviceGetRetiredPagesPendingStatus": error(3),
    "nvmlDeviceGetTemperature": 40,
    "nvmlDeviceGetTemperatureThreshold": 87,
    "nvmlDeviceGetPowerUsage": 70500,
    "nvmlDeviceGetEnforcedPowerLimit": 700000,
    "nvmlDeviceGetClockInfo": 345,
    "nvmlDeviceGetMaxClockInfo": 1980,
    "nvmlDeviceGetCurrentClocksEventReasons": 0x08 | 0x40 | 0x01,
    "nvmlDeviceGetCurrPcieLinkGeneration": 4,
    "nvmlDeviceGetMaxPcieLinkGeneration": 5,
    "nvmlDeviceGetCurrPcieLinkWidth": 8,
    "nvmlDeviceGetMaxPcieLinkWidth": 16,
    "nvmlDeviceGetNvLinkState": links,
    "nvmlDeviceGetGpuFabricInfo": fabric,
    "nvmlDeviceGetMigMode": [1, 1],
    "nvmlDeviceGetMaxMigDeviceCount": 2,
    "nvmlDeviceGetMigDeviceHandleByIndex": instance,
    "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=42, usedGpuMemory=1 << 30, name="secret")],
    "nvmlDeviceGetGraphicsRunningProcesses": [SimpleNamespace(pid=7, usedGpuMemory=None)],
    "nvmlDeviceGetCurrentClocksThrottleReasons": error(13),
    "nvmlDeviceGetComputeRunningProcesses_v2": error(13),
    "nvmlDeviceGetGraphicsRunningProcesses_v2": [SimpleNamespace(pid=8, usedGpuMemory=5)],
}


@pytest.fixture
def read(monkeypatch):
    def read(**answers):
        monkeypatch.setattr(nvml, "pynvml", FakeNvml(**{**FULL, **answers}))
        notes = []
        return (*nvml.read(notes), notes)

    return read


def test_every_answer_has_its_place(read):
    driver, [device], notes = read()
    assert driver == Driver(version="580.65.06", cuda="13.1")
    assert device == Device(
        0,
        name="NVIDIA H100",
        uuid="GPU-3d1a5c00",
        pci="0000:3b:00.0",
        capability="9.0",
        memory_total=80 << 30,
        memory_free=70 << 30,
        ecc=True,
        ecc_corrected=5,
        ecc_uncorrected=6,
        repair_pending=True,
        repair_failed=False,
        temperature=40,
        temperature_limit=87,
        power=70.5,
        power_limit=700.0,
        clock=345,
        clock_max=1980,
        slowdowns=["hardware slowdown", "hardware thermal"],
        pcie_generation=4,
        pcie_generation_max=5,
        pcie_width=8,
        pcie_width_max=16,
        nvlinks=2,
        mig=True,
        mig_instances=["MIG-5a1c0e11"],
        mig_memory=[10 << 30],
        compute_mode="default",
        fabric="in progress",
        processes=[Process(42, "compute", 1 << 30), Process(7, "graphics", None)],
    )
    assert notes == []


def test_what_an_older_card_lacks_is_unknown_and_not_worth_a_note(read):
    lacking = {name: error(3) for name in FULL if name.startswith("nvmlDeviceGet") and name != "nvmlDeviceGetCount"}
    _, [device], notes = read(**{**lacking, "nvmlDeviceGetHandleByIndex": "handle", "nvmlDeviceGetName": "Tesla K80"})
    assert device == Device(0, name="Tesla K80")
    assert notes == []


def test_what_is_forbidden_is_noted_once(read):
    _, devices, notes = read(nvmlDeviceGetCount=2, nvmlDeviceGetEccMode=error(4))
    assert [device.ecc for device in devices] == [None, None]
    assert notes == ["nvmlDeviceGetEccMode: Insufficient Permissions"]


def test_a_device_that_is_lost_while_it_is_looked_at_keeps_what_it_told(read):
    _, [device], notes = read(nvmlDeviceGetTemperature=error(15))
    assert (device.name, device.temperature, device.error) == ("NVIDIA H100", None, 15)
    assert notes == []


SECONDARY = ["nvmlDeviceGetPowerUsage", "nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetClockInfo",
             "nvmlDeviceGetTemperature", "nvmlDeviceGetEccMode", "nvmlDeviceGetMigMode"]  # fmt: skip


@pytest.mark.parametrize("question", SECONDARY)
def test_a_healthy_card_may_answer_unknown_error_to_a_secondary_question(read, question):
    _, [device], notes = read(**{question: error(999)})
    assert (device.name, device.error) == ("NVIDIA H100", None)
    assert notes == [f"{question}: Unknown Error"]


@pytest.mark.parametrize("question", ["nvmlDeviceGetHandleByIndex", "nvmlDeviceGetName", "nvmlDeviceGetMemoryInfo"])
def test_a_card_that_answers_unknown_error_to_the_first_questions_is_lost(read, question):
    _, [device], _ = read(**{question: error(999)})
    assert device.error == 999


def test_a_count_that_is_an_unknown_error_is_the_drivers(read):
    driver, devices, _ = read(nvmlDeviceGetCount=error(999))
    assert (driver.nvml_error, devices) == (999, [])


@pytest.mark.parametrize("code", [4, 8, 11, 17])
def test_a_refused_handle_keeps_its_code(read, code):
    _, [device], _ = read(nvmlDeviceGetHandleByIndex=error(code))
    assert device == Device(0, error=code)


@pytest.mark.parametrize(("feature", "ready", "expected"), [(0, 0, None), (1, 0, False), (1, 1, True)])
def test_confidential_computing_is_ready_or_not(read, feature, ready, expected):
    driver, _, notes = read(
        nvmlSystemGetConfComputeState=SimpleNamespace(ccFeature=feature), nvmlSystemGetConfComputeGpusReadyState=ready
    )
    assert (driver.confidential, notes) == (expected, [])


def test_the_monitor_keeps_nvml_open_and_asks_for_the_condition_alone(read, monkeypatch):
    asked = []

    class Counting(FakeNvml):
        def __getattr__(self, name):
            asked.append(name)
            return super().__getattr__(name)

    monkeypatch.setattr(nvml, "pynvml", Counting(**FULL))
    with nvml.monitor([0, 3]) as sample:
        for _ in range(3):
            assert {index: (device.temperature, device.power) for index, device in sample().items()} == {
                0: (40, 70.5), 3: (40, 70.5),
            }  # fmt: skip
    assert (asked.count("nvmlInit"), asked.count("nvmlShutdown"), asked.count("nvmlDeviceGetHandleByIndex")) == (
        1,
        1,
        2,
    )
    assert "nvmlDeviceGetName" not in asked


def test_without_nvml_the_monitor_sees_nothing(monkeypatch):
    monkeypatch.setattr(nvml, "pynvml", FakeNvml(nvmlInit=error(9)))
    with nvml.monitor([0]) as sample:
        assert sample() == {}


def test_a_function_that_this_nvidia_ml_py_does_not_have_is_noted(read):
    answers = {name: answer for name, answer in FULL.items() if name != "nvmlDeviceGetName"}
    fake = FakeNvml(**answers)
    session = nvml.Session([])
    nvml.pynvml = fake
    try:
        assert session.ask("nvmlDeviceGetName", "handle") is None
    finally:
        nvml.pynvml = nvml.LazyModule("pynvml")
    assert session.notes == ["nvmlDeviceGetName: AttributeError"]


@pytest.mark.parametrize("code", [9, 12, 18, 999])
def test_an_nvml_that_does_not_open_is_an_answer(read, code):
    assert read(nvmlInit=error(code)) == (Driver(nvml_error=code), [], [])


def test_an_older_driver_is_asked_for_its_processes_in_its_own_version(read):
    old = pynvml.NVMLLibraryMismatchError("unversioned")
    _, [device], notes = read(nvmlDeviceGetGraphicsRunningProcesses=old)
    assert device.processes == [Process(42, "compute", 1 << 30), Process(8, "graphics", 5)]
    assert notes == []


def test_older_drivers_call_slowdowns_throttling(read):
    _, [device], _ = read(
        nvmlDeviceGetCurrentClocksEventReasons=error(13), nvmlDeviceGetCurrentClocksThrottleReasons=0x20 | 0x80
    )
    assert device.slowdowns == ["software thermal", "power brake"]


def test_older_cards_retire_pages(read):
    _, [device], _ = read(nvmlDeviceGetRemappedRows=error(3), nvmlDeviceGetRetiredPagesPendingStatus=1)
    assert (device.repair_pending, device.repair_failed) == (True, None)


def test_without_its_package_nvml_is_not_asked(monkeypatch):
    monkeypatch.setattr(nvml, "pynvml", nvml.LazyModule("pynvml"))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    notes = []
    assert nvml.read(notes) == (Driver(), [])
    assert notes == ["NVML was not queried: nvidia-ml-py is not installed (pip install nvidia-ml-py)"]
