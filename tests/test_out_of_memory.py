"""Memory that did not suffice, as each library says it, and what only sounds like it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli.out_of_memory import shortage

CUBLAS = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
CUDA = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which 1.2 GiB is free."
)
ONNX = "[ONNXRuntimeError] : 1 : FAIL : ... Failed to allocate memory for requested buffer of size 8589934592"


@pytest.mark.parametrize(
    ("error", "more"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 822083584 bytes. Error code 12"),
         ": 784.0 MiB more were asked for"),
        (torch.OutOfMemoryError(CUDA), ": 20.00 GiB more were asked for"),
        (RuntimeError(ONNX), ": 8192.0 MiB more were asked for"),
        (RuntimeError("could not create a primitive"), ""),
        (RuntimeError("could not create a memory object"), ""),
        (RuntimeError(CUBLAS), ""),
        (MemoryError(), ""),
        (MemoryError("std::bad_alloc"), ""),
    ],
)  # fmt: skip
def test_what_libraries_say(error, more):
    found = shortage(error)
    assert str(found) == f"memory does not suffice{more}"
    assert found.hint == "a smaller batch or shape needs less"


def test_what_they_really_say():
    with pytest.raises(MemoryError) as numpys:
        np.empty(1 << 60, "int8")
    assert str(shortage(numpys.value)) == "memory does not suffice: 1.00 EiB more were asked for"
    with pytest.raises(RuntimeError) as torchs:
        torch.empty(1 << 60, dtype=torch.int8)
    assert str(shortage(torchs.value)) == "memory does not suffice: 1099511627776.0 MiB more were asked for"
    with pytest.raises(ValueError) as sizes:  # more than an address can count
        np.empty((1 << 40, 1 << 40), "int8")
    assert str(shortage(sizes.value)) == "memory does not suffice"


@pytest.mark.parametrize(
    "message",
    [
        "could not create a primitive descriptor for the inner product forward propagation primitive",
        "mat1 and mat2 shapes cannot be multiplied",
        "",
    ],
)
def test_what_is_another_matter(message):
    assert shortage(RuntimeError(message)) is None
