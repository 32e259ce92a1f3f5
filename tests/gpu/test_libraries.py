"""NVML and libcuda through real shared libraries: fakes compiled here, found through LD_LIBRARY_PATH."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPILER = shutil.which("cc") or shutil.which("gcc")

pytestmark = pytest.mark.skipif(
    COMPILER is None or not sys.platform.startswith("linux"), reason="needs a C compiler and Linux"
)

LOOK = """
import json
from layercli.gpu.probes import libcuda, nvml
from layercli.gpu.snapshot import Snapshot
notes = []
driver, devices = nvml.read(notes)
print(json.dumps({**Snapshot(driver=driver, devices=devices, notes=notes).to_json(), "libcuda": libcuda.read(notes)}))
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("libraries")
    for source, name in (("fake_nvml.c", "libnvidia-ml.so.1"), ("fake_cuda.c", "libcuda.so.1")):
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", folder / name, HERE / source], check=True)
    return folder


def look(libraries, **settings):
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries), "PYTHONPATH": str(HERE.parents[1]), **settings}
    done = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_device_is_described_as_far_as_the_library_tells(libraries):
    seen = look(libraries, FAKE_CUDA="12040")
    assert seen["driver"] == {
        "nvml_error": None,
        "version": "580.65.06",
        "cuda": "13.0",
        "libcuda": False,
        "confidential": None,
    }
    assert seen["libcuda"] == [True, "12.4"]
    [device] = seen["devices"]
    known = {key: value for key, value in device.items() if value not in (None, [])}
    assert known == {
        "index": 0,
        "vendor": "nvidia",
        "name": "Fake GPU",
        "uuid": "GPU-3d1a5c00",
        "capability": "9.0",
        "memory_total": 80 << 30,
        "memory_free": 79 << 30,
        "temperature": 41,
        "power": 70.5,
        "compute_mode": "exclusive",
    }
    assert seen["notes"] == ["nvmlDeviceGetEccMode: Insufficient Permissions"]


@pytest.mark.parametrize("code", [9, 18, 999])
def test_the_error_of_the_library_is_kept(libraries, code):
    seen = look(libraries, FAKE_NVML=str(code))
    assert seen["driver"]["nvml_error"] == code
    assert seen["devices"] == []


@pytest.mark.parametrize("code", [15, 16, 999])
def test_a_lost_device_keeps_its_number_and_the_error(libraries, code):
    seen = look(libraries, FAKE_DEVICE=str(code))
    assert seen["driver"]["nvml_error"] is None
    assert [(device["index"], device["error"], device["name"]) for device in seen["devices"]] == [(0, code, None)]


def test_libcuda_that_does_not_tell_its_version_is_there_all_the_same(libraries):
    assert look(libraries)["libcuda"] == [True, None]


def test_the_whole_check_says_what_the_library_shows(libraries):
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(libraries),
        "PYTHONPATH": str(HERE.parents[1]),
        "FAKE_NVML": "18",
    }
    done = subprocess.run(
        [sys.executable, "-m", "layercli", "gpu-check", "--level", "0", "--format", "json"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "driver-mismatch" in [finding["code"] for finding in json.loads(done.stdout)["findings"]]
