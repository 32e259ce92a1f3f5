"""Optional kernels that the runtime installs in place of torch's, for the calls of one thread.

Each is a function with torch's result; it returns None for inputs that it leaves to torch.
"""

from __future__ import annotations

import threading
from typing import Any


class KernelOverrides(threading.local):
    """The overrides of this thread; None means torch's kernel, and the backend's for a linear map."""

    conv2d: Any = None
    """2D convolution: (x, weight, bias, strides, padding, dilation, groups)."""

    linear: Any = None
    """Linear map with a weight of at least LARGE bytes: (x, weight, bias)."""

    lstm: Any = None
    """LSTM: (x, the two states of shape (1, batch, units), the input kernel, the recurrent kernel, the biases)."""


active = KernelOverrides()

LARGE = 1 << 20
"""The least size of a weight, in bytes, for an override: a call of torch's kernel starts 10 us faster."""
