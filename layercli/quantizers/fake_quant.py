"""Quantization imitated in floating point, with gradients for the values and for the limits."""

from __future__ import annotations

from typing import Any

from layercli.core.types import Tensor
from layercli.lazy import torch
from layercli.ops.core.autodiff import custom_gradient
from layercli.ops.core.conversion import convert_to_tensor


def fake_quant_with_min_max_vars(
    inputs: Tensor,
    min_vals: object,
    max_vals: object,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Tensor:
    """Return inputs rounded to the 2**num_bits values that lie evenly between the limits, which are moved so that 0 is one.

    The limits are scalars, or one for each size of ``axis``; ``narrow_range`` uses one value less. The gradient passes where
    the inputs are within the limits, and beyond them it goes to the limit.
    """
    x, low, high = (convert_to_tensor(value) for value in (inputs, min_vals, max_vals))
    axes = list(range(x.ndim)) if axis is None else [i for i in range(x.ndim) if i != axis % x.ndim]

    @custom_gradient
    def rounded(x: Tensor, low: Any, high: Any) -> Any:
        least, most, step, steps = nudged(low, high, num_bits, narrow_range)
        zero = (-least * steps + 0.5).floor()
        shifted = x.to(least.dtype).clamp(least, most) - least
        out = ((shifted * steps - zero + 0.5).floor() * step).to(x.dtype)

        def gradient(*args: object, upstream: object = None) -> Any:
            given = args[0] if upstream is None else upstream
            below, above = x <= least, x >= most
            within = (x >= least) & (x <= most)
            ends = [(given * side).sum(axes).reshape(limit.shape) for side, limit in ((below, low), (above, high))]
            return given * within, *ends

        return out, gradient

    found: Tensor = rounded(x, low, high)
    return found


def nudged(low: Any, high: Any, num_bits: int, narrow_range: bool) -> tuple[Any, Any, Any, Any]:
    """Return the limits moved so that 0 is one of the values, the step between values, and its inverse."""
    dtype = torch.promote_types(low.dtype, torch.float32)
    low, high = low.to(dtype), high.to(dtype)
    first, last = int(narrow_range), 2**num_bits - 1
    step, steps = (high - low) / (last - first), torch.full_like(low, last - first) / (high - low)
    zero = (first - low / step).clamp(first, last).round()
    return (first - zero) * step, (last - zero) * step, step, steps
