"""The device on which new tensors are made, by Keras's name."""

from __future__ import annotations

import re
from typing import Any

from layercli.errors import DeviceError
from layercli.lazy import torch


def device(device_name: str) -> Any:
    """Return a context in which new tensors are on a device: ``with device("gpu:0"):``. DeviceError for a name that is none.

    A device is named as in Keras (``cpu``, ``gpu:1``) or as in torch (``cuda:1``).
    """
    name = re.sub(r"^gpu\b", "cuda", str(device_name).lower())
    try:
        return torch.device(name)
    except RuntimeError:
        raise DeviceError(f"there is no device {device_name!r}", hint='name it "cpu" or "gpu:0"') from None
