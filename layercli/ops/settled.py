"""What goes before torch's own kernels where a caller knows that weights stay as they are; None is nobody.

Each takes what torch's function takes, and gives None where torch should do it.
"""

from __future__ import annotations

from typing import Any

convolve: Any = None
"""For a convolution over two axes: x, weight, bias, strides, padding, dilation, groups."""

multiply: Any = None
"""For a linear map: x, weight, bias."""
