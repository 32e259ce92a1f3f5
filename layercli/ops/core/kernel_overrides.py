"""Optional kernels that the runtime installs in place of torch's, for the calls of one thread.

Each is a function with torch's result; it returns None for inputs that it leaves to torch.
"""

from __future__ import annotations

import threading
from typing import Any

from layercli.core.types import Tensor


class KernelOverrides(threading.local):
    """The overrides of this thread; None means torch's kernel, and the backend's for a linear map."""

    conv2d: Any = None
    """2D convolution: (x, weight, bias, strides, padding, dilation, groups)."""

    linear: Any = None
    """Linear map with a kernel (features, units) of at least LARGE values: (x, kernel, bias)."""

    lstm: Any = None
    """LSTM: (x, the two states of shape (1, batch, units), the input kernel, the recurrent kernel, the biases)."""


active = KernelOverrides()

LARGE = 1 << 18
"""The least number of values in a weight for an override: a call of torch's kernel starts 10 us faster."""


def is_large(weight: Tensor, times: int = 1) -> bool:
    """Whether ``weight`` has ``times`` LARGE values or more. (``numel()`` is a tensor while torch.jit traces; bytes are not.)"""
    return bool(weight.nbytes >= times * LARGE * weight.itemsize)
