"""Choose the device to run on."""

from __future__ import annotations

import re

import torch

from layercli.errors import DeviceError, UsageError, nearest

DEVICES = ("auto", "cpu", "cuda", "cuda:0")


def resolve(text: str) -> torch.device:
    """Return the device for ``auto`` (the first CUDA device, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``.

    DeviceError if a requested CUDA device is not available; there is no silent fallback to the CPU.
    """
    if text == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if text == "cpu":
        return torch.device("cpu")
    if not re.fullmatch(r"cuda(:\d+)?", text):
        raise UsageError(
            f"a device is auto, cpu, cuda or cuda:N, got {text!r}",
            hint=nearest("cuda" if text == "gpu" else text, DEVICES),
        )
    if not torch.cuda.is_available():
        raise DeviceError(
            "there is no usable CUDA device", hint="layercli gpu-check says why; --device cpu runs on the CPU"
        )
    index, count = int(text.partition(":")[2] or 0), torch.cuda.device_count()
    if index >= count:
        raise DeviceError(f"there is no device cuda:{index}, only {count} of them", hint="they are numbered from 0")
    return torch.device("cuda", index)
