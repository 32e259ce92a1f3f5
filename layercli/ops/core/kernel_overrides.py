"""Kernels that run before torch's own in the calls of one thread, where the runtime knows of a faster one.

Each returns what torch's function does, or None where torch is to do it.
"""

from __future__ import annotations

import threading
from typing import Any


class KernelOverrides(threading.local):
    """The kernels that the calls of this thread use; None is torch's own, and for a linear map the backend's."""

    convolve: Any = None
    """A convolution over two axes: x, weight, bias, strides, padding, dilation, groups."""

    multiply: Any = None
    """A linear map whose weight is LARGE: x, weight, bias."""

    recur: Any = None
    """An LSTM over the steps of x: x, the two states (1, batch, units), and the weights: of x, of the state, and biases."""


active = KernelOverrides()

LARGE = 1 << 20
"""The bytes a weight must have for another product than torch's, which takes 10 us less to start."""
