"""Convert between arrays and tensors; assign values to a layer module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
import torch

from layercli.core import dtypes, text
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.errors import ShapeError, UsageError
from layercli.optimizers.dtensor import fill, gathered


def dtype_of(name: str) -> torch.dtype:
    """Return torch's dtype of that name."""
    return getattr(torch, name)  # type: ignore[no-any-return]  # the names are torch's


def is_array(x: object) -> bool:
    """Whether ``x`` is an array of numbers, or nested lists of numbers only."""
    if text.is_text(x):
        return False
    return isinstance(x, (np.ndarray, np.generic)) or (isinstance(x, (list, tuple)) and _all_numbers(x))


def _all_numbers(x: object) -> bool:
    if isinstance(x, (list, tuple)):
        return bool(x) and all(_all_numbers(item) for item in x)
    return isinstance(x, (int, float))


def _holds_tensors(x: object) -> TypeGuard[Sequence[object]]:
    return isinstance(x, (list, tuple)) and any(
        isinstance(each, (torch.Tensor, Variable)) or _holds_tensors(each) for each in x
    )


def as_tensor(x: object, device: Any = None) -> torch.Tensor:
    """Convert an array, nested lists or a variable to a torch tensor; Python floats become float32, integers int32."""
    if isinstance(x, Variable):
        return x.value  # type: ignore[no-any-return]  # a tensor
    if isinstance(x, torch.Tensor):
        return x if device is None else x.to(device)
    if text.is_text(x):
        return text.text_array(x)  # type: ignore[return-value]  # there are no tensors of text
    if _holds_tensors(x):
        return torch.stack([as_tensor(each, device) for each in x])
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ShapeError("expects nested lists of equal lengths") from error
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    tensor = (
        torch.from_numpy(array)
        if array.dtype.isnative
        else torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    )
    if isinstance(x, (list, tuple, float, int)):
        kind = dtypes.of_python(x)
        if kind is not None and (kind != "float32" or tensor.dtype is torch.float64):
            tensor = tensor.to(dtype_of(kind))
    return tensor if device is None else tensor.to(device)


def valued(owner: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return a dense tensor with values from an output of ``owner``; UsageError if it cannot be one."""
    if tensor.is_meta:
        raise UsageError(f"{owner} gives a tensor on torch's meta device, which has no values")
    if tensor.is_nested:
        raise UsageError(
            f"{owner} gives a nested tensor, which has no single shape", hint="to_padded_tensor(0) gives it one"
        )
    if tensor.is_quantized:
        raise UsageError(
            f"{owner} gives a quantized tensor, which is not an array of numbers", hint="dequantize() makes it one"
        )
    return tensor if tensor.layout is torch.strided else tensor.to_dense()


def has_values(tensor: torch.Tensor) -> bool:
    """Whether ``valued`` returns the tensor's values."""
    return not (tensor.is_meta or tensor.is_nested or tensor.is_quantized)


def to_numpy(tensor: torch.Tensor, order: tuple[int, ...] | None = None) -> np.ndarray:
    """Copy to a numpy array with axes permuted to ``order``; dtypes that numpy lacks become float32."""
    value = gathered(tensor.detach())
    value = value if order is None else value.permute(order)
    if value.dtype in (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2):
        value = value.float()
    return value.cpu().contiguous().numpy().copy()


@torch.no_grad()
def assign(stored: torch.Tensor, value: Tensor, layout: tuple[int, ...] | None) -> None:
    """Copy ``value`` (of the logical shape) into the tensor of the layer module."""
    source = as_tensor(value).detach()
    fill(stored, source if layout is None else source.permute(layout))


def cast(x: object, dtype: str) -> Any:
    """Cast a floating tensor to ``dtype``; return anything else unchanged."""
    if isinstance(x, torch.Tensor) and x.is_floating_point():
        return x.to(dtype_of(dtype))
    return x


def as_one_dtype(values: Any, dtype: str) -> list[Tensor]:
    """Cast tensors to ``dtype``; return other values unchanged."""
    return [x.to(dtype_of(dtype)) if isinstance(x, torch.Tensor) else x for x in values]


def name_of(dtype: torch.dtype) -> str:
    """Return the name of a torch dtype."""
    return dtypes.name_of(dtype)
