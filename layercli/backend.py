"""Settings and questions about dtypes and tensors, as in Keras's ``backend``."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

from layercli.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from layercli.core import dtypes as dtype_names
from layercli.core import naming
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.types import DTypeLike, Tensor

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]

_uids: Counter[str] = Counter()


def clear_session(free_memory: bool = True) -> None:
    """Count automatic names from the beginning again; with ``free_memory`` free the memory of unused objects."""
    naming.clear_session()
    _uids.clear()
    if free_memory:
        gc.collect()


def get_uid(prefix: str = "") -> int:
    """Return the next number for a prefix, from 1 on."""
    _uids[prefix] += 1
    return _uids[prefix]


def is_keras_tensor(x: Tensor) -> bool:
    """Return whether x is a symbolic tensor."""
    return isinstance(x, SymbolicTensor)


def is_float_dtype(dtype: DTypeLike) -> bool:
    """Return whether a dtype is floating-point.

    >>> is_float_dtype("bfloat16"), is_float_dtype("int32")
    (True, False)
    """
    return dtype_names.is_floating(standardize_dtype(dtype))


def is_int_dtype(dtype: DTypeLike) -> bool:
    """Return whether a dtype is an integer one; bool is none."""
    return dtype_names.is_integer(standardize_dtype(dtype))


def standardize_dtype(dtype: Any) -> str:
    """Return the name of a dtype; the default one for None. DTypeError for another.

    >>> standardize_dtype(None), standardize_dtype(int), standardize_dtype("float64")
    ('float32', 'int32', 'float64')
    """
    if dtype is None:
        return floatx()
    if dtype in (str, "string"):
        return "string"
    return {int: "int32", float: floatx()}.get(dtype) or dtype_names.name_of(dtype)


def result_type(*dtypes: object) -> str:
    """Return the dtype of an operation on values of these dtypes, by torch's promotion: 64 bits stay, where Keras narrows them.

    ``int`` and ``float`` stand for Python's numbers, which do not widen a tensor's dtype.

    >>> result_type("int32", "float16"), result_type("bfloat16", float), result_type("bool", int)
    ('float16', 'bfloat16', 'int32')
    """
    found = ""
    for dtype in (floatx() if each is None else each for each in dtypes if each not in (int, float)):
        name = dtype_names.name_of(dtype)
        found = dtype_names.promote(found, name) if found else name
    for number, name in ((int, "int32"), (float, floatx())):
        if number in dtypes and (not found or dtype_names.rank(found) < dtype_names.rank(name)):
            found = name
    return found or floatx()
