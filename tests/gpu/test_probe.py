"""The probe over fake /proc, /dev and /sys: what it sees, and that nothing makes it fail."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layercli.gpu.probes import libcuda, nvml, os_probe, probe, torch_build
from layercli.gpu.snapshot import Device, Driver, Host, Snapshot, Wheel, Xid


@pytest.fixture
def roots(tmp_path):
    for name in ("proc", "dev", "sys/bus/pci/devices"):
        (tmp_path / name).mkdir(parents=True)
    return os_probe.Roots(tmp_path / "proc", tmp_path / "dev", tmp_path / "sys", tmp_path)


@pytest.fixture(autouse=True)
def linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os_probe.platform, "machine", lambda: "x86_64")


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def card(roots, address, vendor, kind="0x030200", **files):
    folder = roots.sys / "bus/pci/devices" / address
    put(folder / "vendor", f"{vendor}\n")
    put(folder / "class", f"{kind}\n")
    for name, text in files.items():
        put(folder / name, text)


def test_an_empty_machine(roots):
    notes = []
    assert os_probe.read(roots, {}, notes) == Host(nvidia_cards=0, amd_cards=0)
    assert notes == []


def test_cards_are_counted_by_maker_and_other_functions_are_not(roots):
    card(roots, "0000:01:00.0", "0x10de")
    card(roots, "0000:02:00.0", "0x10de", "0x030000")
    card(roots, "0000:02:00.1", "0x10de", "0x040300")
    card(roots, "0000:03:00.0", "0x1002")
    card(roots, "0000:04:00.0", "0x8086")
    host = os_probe.read(roots, {}, [])
    assert (host.nvidia_cards, host.amd_cards) == (2, 1)


def test_a_bus_that_cannot_be_listed_is_noted(tmp_path):
    notes = []
    gone = tmp_path / "none"
    host = os_probe.read(os_probe.Roots(gone, gone, gone, gone), {}, notes)
    assert host == Host(nvidia_cards=None, amd_cards=None)
    assert notes == ["the PCI bus cannot be listed"]


@pytest.mark.parametrize(
    "text",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27\nGCC version: 12.3.0",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (root@box)\n",
    ],
)
def test_the_kernel_module_tells_its_version(roots, text):
    put(roots.proc / "driver/nvidia/version", text)
    assert os_probe.read(roots, {}, []).module == "580.65.06"


def test_nouveau_and_wsl(roots):
    put(roots.sys / "module/nouveau/version", "")
    put(roots.proc / "sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n")
    host = os_probe.read(roots, {}, [])
    assert (host.nouveau, host.wsl) == (True, True)


@pytest.mark.parametrize(
    ("path", "text", "environment"),
    [
        (".dockerenv", "", {}),
        ("run/.containerenv", "", {}),
        ("proc/1/cgroup", "0::/kubepods/besteffort/pod1", {}),
        ("unrelated", "", {"container": "podman"}),
    ],
)
def test_a_container_is_recognised(roots, path, text, environment):
    assert not os_probe.read(roots, {}, []).container
    put(roots.top / path, text)
    assert os_probe.read(roots, environment, []).container


def test_device_files_are_listed_and_tried(roots, monkeypatch):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "kfd", "null"):
        put(roots.dev / name, "")
    opened = os.open

    def refuse(path, *flags):
        if str(path).endswith("nvidia1"):
            raise PermissionError(errno.EPERM, "no")
        if str(path).endswith("nvidiactl"):
            raise PermissionError(errno.EACCES, "no")
        return opened(path, *flags)

    monkeypatch.setattr(os, "open", refuse)
    host = os_probe.read(roots, {}, [])
    assert host.nodes == ["kfd", "nvidia-uvm", "nvidia0", "nvidia1", "nvidiactl"]
    assert os_probe.denied(roots, host) == {"nvidia1": "EPERM", "nvidiactl": "EACCES"}


def test_device_files_are_opened_only_where_nvml_shows_no_sound_device(roots, monkeypatch):
    put(roots.dev / "nvidia0", "")
    opened = []
    monkeypatch.setattr(os_probe, "denied", lambda roots, host: opened.append(host.nodes) or {"nvidia0": "EPERM"})
    for devices, expected in (
        ([Device(0)], {}),
        ([], {"nvidia0": "EPERM"}),
        ([Device(0, error=4)], {"nvidia0": "EPERM"}),
    ):
        monkeypatch.setattr(nvml, "read", lambda notes, devices=devices: (Driver(), devices))
        assert probe.snapshot(roots, {}).host.denied == expected
    assert opened == [["nvidia0"], ["nvidia0"]]


def test_amds_device_files_are_tried_where_there_is_an_amd_card_alone(roots, monkeypatch):
    put(roots.dev / "kfd", "")
    put(roots.dev / "dri/renderD128", "")
    put(roots.dev / "dri/card0", "")

    def refuse(path, *flags):
        raise PermissionError(errno.EACCES, "no")

    nodes = os_probe.read(roots, {}, []).nodes
    assert nodes == ["dri/renderD128", "kfd"]
    monkeypatch.setattr(os, "open", refuse)
    for nvidia, amd, count in ((0, 1, 2), (1, 1, 0), (0, 0, 0)):
        assert len(os_probe.denied(roots, Host(nvidia_cards=nvidia, amd_cards=amd, nodes=nodes))) == count


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x62:0x40:2539)", "adapter-failed"),
        ("NVRM: installed in this system requires use of the NVIDIA open kernel modules.", "open-module-required"),
        ("NVRM: supported through the NVIDIA 470.xx Legacy drivers. Please", "legacy-driver-required"),
    ],
)
def test_the_kernels_log_tells_why_the_driver_does_not_start_a_gpu(roots, line, complaint):
    put(roots.dev / "kmsg", f"3,1,1,-;{line}\n")
    assert os_probe.read(roots, {}, []).complaints == [complaint]


def test_xid_errors_are_read_from_the_kernels_log_without_the_process_they_name(roots):
    log = (
        "3,1,1,-;NVRM: Xid (PCI:0000:29:00): 79, pid=1234, name=secret, GPU has fallen off the bus.\n"
        "3,2,2,-;NVRM: Xid (PCI:0000:29:00): 79, pid=99\n4,3,3,-;NVRM: Xid (PCI:0000:19:00.0): 31, x\n4,4,4,-;usb\n"
    )
    put(roots.dev / "kmsg", log)
    assert os_probe.read(roots, {}, []).xids == [Xid("0000:29:00.0", 79), Xid("0000:19:00.0", 31)]


def test_amd_cards_tell_their_memory(roots):
    card(roots, "0000:03:00.0", "0x1002", mem_info_vram_total=f"{24 << 30}\n", mem_info_vram_used=f"{1 << 30}\n")
    card(roots, "0000:04:00.0", "0x1002")
    assert os_probe.amd_devices(roots) == [
        Device(0, "amd", "AMD GPU", pci="0000:03:00.0", memory_total=24 << 30, memory_free=23 << 30),
        Device(1, "amd", "AMD GPU", pci="0000:04:00.0"),
    ]


def test_the_version_file_of_torch_is_read_and_not_run(tmp_path):
    put(tmp_path / "version.py", "from typing import Optional\nraise SystemExit\n__version__ = '2.13.0+cu130'\n"
        "debug = False\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n")  # fmt: skip
    assert torch_build.read([], tmp_path) == Wheel("2.13.0+cu130", cuda="13.0")


def test_a_version_file_that_cannot_be_read_is_noted(tmp_path):
    for text in (None, "def ("):
        if text:
            put(tmp_path / "version.py", text)
        notes = []
        assert torch_build.read(notes, tmp_path) == Wheel("unknown")
        assert notes == ["torch/version.py cannot be read"]


def test_without_torch_there_is_no_wheel(monkeypatch):
    monkeypatch.setattr(torch_build, "installed", lambda: None)
    assert torch_build.read([]) == Wheel()


def test_the_installed_torch_is_the_one_that_would_be_imported():
    import torch

    assert torch_build.read([]) == Wheel(
        str(torch.__version__), torch.version.cuda, torch.version.hip, torch.version.xpu
    )


def test_libcuda_that_is_not_there():
    assert libcuda.read([], "libnothing.so.0") == (False, None)


def test_a_library_that_is_not_libcuda_is_noted():
    notes = []
    assert libcuda.read(notes, "libc.so.6") == (True, None)
    assert notes == ["libcuda does not report its version"]


@pytest.mark.parametrize(("number", "text"), [(13000, "13.0"), (12040, "12.4"), (11080, "11.8")])
def test_cudas_version_as_people_write_it(number, text):
    assert libcuda.version(number) == text


def test_every_look_that_fails_is_a_note_and_nothing_is_raised(roots, monkeypatch):
    def fail(*arguments):
        raise ZeroDivisionError("/home/alice")

    for module in (os_probe, nvml, libcuda, torch_build):
        monkeypatch.setattr(module, "read", fail)
    seen = probe.snapshot(roots, {})
    assert seen == Snapshot(
        Host("linux"),
        Driver(),
        Wheel("unknown"),
        notes=[
            "looking at the operating system failed: ZeroDivisionError",
            "looking at NVML failed: ZeroDivisionError",
            "looking at libcuda failed: ZeroDivisionError",
            "looking at torch/version.py failed: ZeroDivisionError",
        ],
    )


def test_other_makers_devices_are_listed_and_what_is_not_seen_is_said(roots):
    notes = []
    [device] = probe.others(Host("darwin", "arm64"), roots, notes)
    assert (device.vendor, device.name) == ("apple", "Apple GPU")
    assert notes == ["an Apple GPU does not report its memory, temperature, power or clocks"]
    card(roots, "0000:03:00.0", "0x1002")
    notes = []
    assert [device.vendor for device in probe.others(Host(), roots, notes)] == ["amd"]
    assert notes == ["an AMD GPU's temperature, power, clocks and errors are not read: see rocm-smi"]


def test_looking_imports_no_torch():
    code = "import sys; sys.modules['torch'] = None\nfrom layercli.gpu.probes import probe\nprint(probe.snapshot().wheel.version)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip()
