"""Which code runs on which device, and which CUDA error hides in torch's sentences."""

import pytest

from layercli.gpu import cuda_error
from layercli.gpu.checks.runtime import runs


@pytest.mark.parametrize(
    ("arch", "capability", "works"),
    [
        ("sm_80", (8, 0), True),
        ("sm_80", (8, 9), True),
        ("sm_86", (8, 0), False),
        ("sm_80", (9, 0), False),
        ("sm_90a", (9, 0), True),
        ("sm_90a", (10, 0), False),
        ("sm_120", (12, 0), True),
        ("sm_120", (12, 1), True),
        ("sm_100f", (10, 3), True),
        ("compute_80", (9, 0), True),
        ("compute_90", (8, 0), False),
        ("gfx90a", (9, 0), False),
    ],
)
def test_machine_code_runs_within_its_generation_and_ptx_on_every_later_one(arch, capability, works):
    assert runs(arch, *capability) is works


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (
            "Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized (Triggered internally)",
            802,
        ),
        ("Error 803: system has unsupported display driver / cuda driver combination", 803),
        ("CUDA error: system has unsupported display driver / cuda driver combination", 803),
        ("Error 804: forward compatibility was attempted on non supported HW", 804),
        ("CUDA error: all CUDA-capable devices are busy or unavailable\nCUDA kernel errors might be ...", 46),
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", 46),
        ("CUDA unknown error - this may be due to an incorrectly set up environment", 999),
        ("CUDA error: unknown error", 999),
        ("CUDA out of memory. Tried to allocate 2.00 MiB.", 2),
        ("The NVIDIA driver on your system is too old (found version 11040).", 35),
        ("No CUDA GPUs are available", 100),
        ("CUDA error: no kernel image is available for execution on the device", 209),
        ("Torch not compiled with CUDA enabled", None),
        ("CUDA error: uncorrectable ECC error encountered", 214),
        ("CUDA error: an illegal memory access was encountered", 700),
        ("CUDA error: the launch timed out and was terminated", 702),
        ("CUDA error: device-side assert triggered", 710),
        ("CUDA error: misaligned address", 716),
        ("CUDA error: MPS client failed to connect to the MPS control daemon or the MPS server", 805),
        ("CUDA error: the MPS server is not ready to accept new MPS client requests", 807),
        ("CUDA error: CUDA driver is a stub library", 34),
        ("CUDA error: initialization error", 3),
        ("CUDA error: the provided PTX was compiled with an unsupported toolchain.", 222),
        ("something else", None),
    ],
)
def test_the_code_of_a_message(message, code):
    assert cuda_error.code(message) == code


def test_a_message_is_kept_without_the_folders_it_names():
    message = "libcudart.so.13: cannot open /home/alice/env/lib/python3.12/torch/lib/x.so and C:\\Users\\bob\\x.\nmore"
    assert cuda_error.first_line(message) == "libcudart.so.13: cannot open (path) and (path)"
    assert cuda_error.first_line("") == ""
