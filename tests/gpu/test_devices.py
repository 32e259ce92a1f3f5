"""No tensor of the CPU meets one of the GPU, in any operation, layer, loss, metric, optimizer or command.

Found out without a GPU: torch's own rules about devices are applied to tensors that have no values, on a CUDA device
that a few lines of C++ register. Where the torch at hand was built for CUDA, there is a better test: test_real_gpu.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
COMPILER = shutil.which("c++") or shutil.which("g++")

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler to build the device with"),
    pytest.mark.skipif(torch.version.cuda is not None, reason="this torch has a CUDA device of its own"),
    pytest.mark.skipif(sys.platform != "linux", reason="the device is built as a Linux library"),
]

UNKNOWN_TO_TORCH = {
    "operation FusedRecurrence(kind='lstm', backwards=True",
    "operation FusedRecurrence(kind='gru', backwards=False",
    "operation FusedRecurrence(kind='gru', backwards=True",
    "layer GRU",
    "loss CTC",
    "operation CtcLoss",
    "operation Nonzero",
    "operation Unique",
    "operation HostFunction",
    "operation MixDraws",
    "operation ChainDraws",
    "layer MixUp",
    "layer CutMix",
    "layer AugMix",
    "layer RandAugment",
}
"""What torch cannot follow without values: an LSTM without a bias, a GRU, the CTC loss, sizes that values tell, functions of the
host, and a generator of the device, which a Dirichlet distribution draws from."""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What each check had to say, by name; None for nothing."""
    library = tmp_path_factory.mktemp("device") / "device.so"
    home = Path(torch.__file__).parent
    links = [f"-L{home / 'lib'}", "-lc10", "-ltorch_cpu", f"-Wl,-rpath,{home / 'lib'}"]
    command = [COMPILER, "-std=c++20", "-O0", "-shared", "-fPIC", f"-I{home / 'include'}", HERE / "fake_device.cpp"]
    subprocess.run([*command, "-o", library, *links], check=True)
    program, preloaded = [sys.executable, HERE / "device_program.py"], {**os.environ, "LD_PRELOAD": str(library)}
    return json.loads(
        subprocess.run(program, check=True, capture_output=True, text=True, env=preloaded, timeout=300).stdout
    )


def test_a_mixture_is_found(complaints):
    assert complaints.pop("control a product of both") == (
        "FakeTensorDeviceMismatchError: "
        "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"
    )
    assert complaints.pop("control a result on the CPU") == "AssertionError: a result is on cpu"
    assert complaints.pop("control a gradient's own mixture").startswith("FakeTensorDeviceMismatchError: ")


def test_nothing_is_mixed(complaints):
    found = {name: why for name, why in complaints.items() if why is not None and not name.startswith("control ")}
    known = {one: [name for name in found if name.startswith(one)] for one in UNKNOWN_TO_TORCH}
    assert {name: found[name] for name in found.keys() - {name for names in known.values() for name in names}} == {}
    assert all(known.values())
    assert len(complaints) > 450
