"""What goes before torch's own kernels where the runtime knows of a faster one; None is nobody.

Each gives what torch's function does, or None where torch should do it.
"""

from __future__ import annotations

from typing import Any

convolve: Any = None
"""For a convolution over two axes: x, weight, bias, strides, padding, dilation, groups."""

multiply: Any = None
"""For a linear map whose weight is LARGE: x, weight, bias."""

recur: Any = None
"""For an LSTM over the steps of x: x, the two states (1, batch, units), and the weights: of x, of the state, and biases."""

LARGE = 1 << 20
"""The bytes a weight must have for another product than torch's, which takes 10 us less to start."""
