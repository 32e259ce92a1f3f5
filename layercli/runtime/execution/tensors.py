"""Arrays into tensors and back; values into the mirror."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from layercli.core import dtypes
from layercli.core.variable import Variable
from layercli.errors import UsageError
from layercli.optimizers.dtensor import fill, gathered


def dtype_of(name: str) -> torch.dtype:
    """Return torch's dtype of that name."""
    return getattr(torch, name)  # type: ignore[no-any-return]  # the names are torch's


def is_array(x: Any) -> bool:
    """Whether ``x`` is an array, or nested lists of nothing but numbers."""
    return isinstance(x, (np.ndarray, np.generic)) or (isinstance(x, (list, tuple)) and _all_numbers(x))


def _all_numbers(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return bool(x) and all(_all_numbers(item) for item in x)
    return isinstance(x, (int, float))


def as_tensor(x: Any, device: Any = None) -> torch.Tensor:
    """Return an array, nested lists or a variable as a torch tensor; 64-bit floats from lists become float32."""
    if isinstance(x, Variable):
        return x.value  # type: ignore[no-any-return]  # a tensor
    if isinstance(x, torch.Tensor):
        return x if device is None else x.to(device)
    array = np.asarray(x)
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    tensor = (
        torch.from_numpy(array)
        if array.dtype.isnative
        else torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    )
    if isinstance(x, (list, tuple, float)) and tensor.dtype is torch.float64:
        tensor = tensor.to(torch.float32)
    return tensor if device is None else tensor.to(device)


def valued(owner: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that ``owner`` gives with its values in the order of its axes; UsageError where it has none such."""
    if tensor.is_meta:
        raise UsageError(f"{owner} gives a tensor on torch's meta device, which has no values")
    if tensor.is_nested:
        raise UsageError(
            f"{owner} gives a nested tensor, which has no one shape", hint="to_padded_tensor(0) gives it one"
        )
    if tensor.is_quantized:
        raise UsageError(
            f"{owner} gives a quantized tensor, which is no array of numbers", hint="dequantize() makes it one"
        )
    return tensor if tensor.layout is torch.strided else tensor.to_dense()


def has_values(tensor: torch.Tensor) -> bool:
    """Whether ``valued`` returns the tensor's values."""
    return not (tensor.is_meta or tensor.is_nested or tensor.is_quantized)


def to_numpy(tensor: torch.Tensor, order: tuple[int, ...] | None = None) -> np.ndarray:
    """Return a copy as a numpy array, axes permuted to ``order``; what numpy has no dtype for becomes float32."""
    value = gathered(tensor.detach())
    value = value if order is None else value.permute(order)
    if value.dtype in (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2):
        value = value.float()
    return value.cpu().contiguous().numpy().copy()


@torch.no_grad()
def assign(stored: torch.Tensor, value: Any, layout: tuple[int, ...] | None) -> None:
    """Copy ``value`` (of the logical shape) into the tensor the mirror holds."""
    source = as_tensor(value).detach()
    fill(stored, source if layout is None else source.permute(layout))


def cast(x: Any, dtype: str) -> Any:
    """Return a floating tensor in ``dtype``; anything else as it is."""
    if isinstance(x, torch.Tensor) and x.is_floating_point():
        return x.to(dtype_of(dtype))
    return x


def as_one_dtype(values: Any, dtype: str) -> list[Any]:
    """Return tensors in ``dtype``, other values unchanged."""
    return [x.to(dtype_of(dtype)) if isinstance(x, torch.Tensor) else x for x in values]


def name_of(dtype: torch.dtype) -> str:
    """Return the name of torch's dtype."""
    return dtypes.name_of(dtype)
