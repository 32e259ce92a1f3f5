"""Two integers of 4 bits in each byte: the first of a pair in the low bits, the second in the high ones."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.operation import spec_of
from layercli.core.types import Tensor
from layercli.errors import DTypeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.conversion import convert_to_tensor

DTYPES = ("int8", "uint8")


def _checked(found: str, dtype: str, verb: str) -> None:
    if dtype not in DTYPES:
        raise UsageError(f"{verb}_int4 expects dtype to be int8 or uint8, got {dtype!r}")
    if found not in (DTYPES if verb == "unpack" else (dtype,)):
        raise DTypeError(f"{verb}_int4 expects {dtype}, got {found}")


def pack_int4(arr: object, axis: int = 0, dtype: str = "int8") -> tuple[Tensor, tuple[int, ...], int]:
    """Return pairs of integers from -8 to 7 along ``axis`` as bytes, the shape of these, and the size of the axis before.

    An odd size is filled with 0. UsageError unless ``dtype`` is int8 or uint8; DTypeError unless ``arr`` has it.

    >>> import numpy as np
    >>> packed, shape, size = pack_int4(np.array([[-3, 7], [2, -8], [1, 0]], "int8"))
    >>> packed.tolist(), shape, size
    ([[45, -121], [1, 0]], (2, 2), 3)
    """
    x = convert_to_tensor(arr)
    _checked(dtypes.name_of(x.dtype), dtype, "pack")
    x = x.movedim(axis, 0)
    size = x.shape[0]
    if size % 2:
        x = torch.cat([x, torch.zeros_like(x[:1])])
    low, high = (half.to(torch.int16) & 0x0F for half in (x[::2], x[1::2]))
    packed = (low | (high << 4)).to(torch.uint8).view(getattr(torch, dtype)).movedim(0, axis)
    return packed, tuple(packed.shape), size


def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> Tensor:
    """Return what ``pack_int4`` packed: ``orig_len`` integers along ``axis``, from -8 to 7, or from 0 to 15 with uint8.

    UsageError unless ``dtype`` is int8 or uint8; DTypeError unless ``packed`` has one of them.
    """
    x = packed if hasattr(packed, "shape") and hasattr(packed, "dtype") else convert_to_tensor(packed)
    spec = spec_of(x)
    _checked(spec.dtype, dtype, "unpack")
    axis %= spec.rank
    halves = [ops.bitwise_and(x, 15), ops.bitwise_and(ops.right_shift(x, 4), 15)]
    if dtype == "int8":
        halves = [ops.subtract(ops.bitwise_xor(ops.cast(half, "int8"), 8), 8) for half in halves]
    pairs = ops.stack([ops.cast(half, dtype) for half in halves], axis=axis + 1)
    shape = list(spec.shape)
    shape[axis] = shape[axis] * 2
    whole: Tensor = ops.reshape(pairs, tuple(shape))
    return whole if orig_len == shape[axis] else whole[(slice(None),) * axis + (slice(orig_len),)]
