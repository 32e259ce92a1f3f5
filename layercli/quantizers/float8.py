"""Products in float8: scales that follow the largest magnitudes of the last steps."""

from __future__ import annotations

from typing import Any

from layercli.core import dtypes
from layercli.core.types import Tensor
from layercli.lazy import torch
from layercli.ops.core.conversion import convert_to_tensor


def compute_float8_scale(amax: Any, scale: Any, dtype_max: Any, margin: int = 0) -> Tensor:
    """Return the new scale, amax * 2**margin / dtype_max; the old one where ``amax`` is 0 or not finite.

    The delayed scaling of NVIDIA's Transformer Engine, whose scale is the reciprocal of this one.
    """
    amax, scale, most = (convert_to_tensor(x) for x in (amax, scale, dtype_max))
    known = (amax > 0) & torch.isfinite(amax)
    return torch.reciprocal(torch.where(known, most / amax / 2**margin, torch.reciprocal(scale)))


def compute_float8_amax_history(x: Any, amax_history: Any) -> Tensor:
    """Return the history moved on by one step, max |x| in its first place."""
    x, history = convert_to_tensor(x), convert_to_tensor(amax_history)
    moved = history.roll(-1)
    return torch.cat([x.abs().max().to(history.dtype).reshape(1), moved[1:]])


def quantize_and_dequantize(inputs: Any, scale: Any, quantized_dtype: str, compute_dtype: str) -> Tensor:
    """Return inputs as ``quantized_dtype`` holds inputs / scale, within its range, times the scale, in ``compute_dtype``."""
    compute = getattr(torch, dtypes.name_of(compute_dtype))
    by = convert_to_tensor(scale).to(compute)
    most = torch.tensor(dtypes.finfo_range(quantized_dtype)[1], dtype=compute, device=by.device)
    x = (convert_to_tensor(inputs) / by).clamp(-most, most)
    found: Tensor = x.to(getattr(torch, quantized_dtype)).to(compute) * by
    return found
