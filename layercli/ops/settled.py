"""What goes before torch's own kernels where a caller knows that weights stay as they are; None is nobody.

Each gives what torch's function does, or None where torch should do it.
"""

from __future__ import annotations

from typing import Any

convolve: Any = None
"""For a convolution over two axes: x, weight, bias, strides, padding, dilation, groups."""

multiply: Any = None
"""For a linear map: x, weight, bias."""

recur: Any = None
"""For an LSTM over the steps of x: x, the two states (1, batch, units), and the weights: of x, of the state, and biases."""
