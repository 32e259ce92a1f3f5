"""oneDNN's own convolutions on a CPU: weights laid out once for the kernel that reads them, sums and activations in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch

mkldnn: Any = torch.ops.mkldnn


@cache
def available() -> bool:
    """Whether this torch has the kernels."""
    backend: Any = torch.backends.mkldnn
    return bool(backend.is_available()) and hasattr(mkldnn, "_convolution_pointwise")


def packable(x: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether a convolution of ``x`` over two axes may use a packed ``weight``: on a CPU, both in float32, no gradient."""
    return (
        available()
        and x.device.type == weight.device.type == "cpu"
        and x.dtype is weight.dtype is torch.float32
        and x.ndim == weight.ndim == 4
        and x.numel() > 0
    )


def packed(
    weight: torch.Tensor,
    size: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """Return ``weight`` (filters, channels / groups, height, width) in the layout oneDNN wants it in for inputs of ``size``.

    Only the functions here can read it; they give the same for inputs of other sizes too.
    """
    return mkldnn._reorder_convolution_weight(weight, padding, strides, dilation, groups, size)  # type: ignore[no-any-return]  # a tensor


def convolved(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """Return the convolution of ``x`` (batch, channels, height, width) with a ``weight`` that ``packed`` gave."""
    return mkldnn._convolution_pointwise(x, weight, bias, padding, strides, dilation, groups, "none", [], "")  # type: ignore[no-any-return]
