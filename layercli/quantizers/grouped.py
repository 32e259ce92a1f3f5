"""Quantization in groups of rows, each with its own scale and zero point: q = round(x / scale) + zero_point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli import ops
from layercli.core.backend import get_backend
from layercli.core.types import Tensor
from layercli.errors import ShapeError
from layercli.lazy import F, torch
from layercli.ops.core.conversion import convert_to_tensor


def abs_max_quantize_grouped_with_zero_point(
    inputs: Tensor,
    block_size: int,
    value_range: Sequence[int] = (-8, 7),
    dtype: str = "int8",
    epsilon: float = 1e-07,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the integers of a matrix (rows, columns), and the scales and zero points (groups, columns) of ``block_size`` rows.

    The last group is filled with zeros. scale = (max - min + epsilon) / (greatest - least integer) of a group and column; the zero
    point is int8. ``to_numpy`` computes on the CPU; without it a group of equal values has the range of that value - 1 to + 1,
    and a matrix of one group is not filled. ShapeError unless ``inputs`` is a matrix with values.
    """
    x = convert_to_tensor(inputs)
    if x.ndim != 2 or not x.numel():
        raise ShapeError(f"expects a matrix to quantize in groups, got the shape {tuple(x.shape)}")
    source = x
    if to_numpy:
        x = torch.from_numpy(get_backend().to_numpy(x))
    rows, columns = x.shape
    groups = -(-rows // block_size)
    low, high = value_range
    blocks = F.pad(x, (0, 0, 0, groups * block_size - rows)).reshape(groups, block_size, columns)
    held = x[None] if groups == 1 and not to_numpy else blocks
    least, greatest = held.amin(1, keepdim=True), held.amax(1, keepdim=True)
    if not to_numpy:
        equal = (least == greatest).to(x.dtype)
        least, greatest = least - equal, greatest + equal
    scale = (greatest - least + epsilon) / (high - low)
    zero = ((-least / scale).round() + low).clamp(low, high)
    integers = ((blocks / scale).round() + zero).clamp(low, high).to(getattr(torch, dtype))
    integers = integers.reshape(groups * block_size, columns)[:rows]
    found = integers, scale[:, 0].to(source.dtype), zero[:, 0].to(torch.int8)
    return tuple(each.to(source.device) for each in found)  # type: ignore[return-value]  # three of them


def dequantized(integers: Any, scale: Any, zero: Any, groups: object, axis: int) -> Tensor:
    """Return (integers - zero) * scale, the scale and zero of the group of each place along ``axis``.

    ``groups`` has the number of the group for each place; ``scale`` and ``zero`` have one value for each group along ``axis``.
    """
    places = ops.cast(groups, "int32")
    scales, zeros = ops.take(scale, places, axis=axis), ops.take(zero, places, axis=axis)
    return ops.multiply(ops.subtract(integers, ops.cast(zeros, scales.dtype)), scales)
