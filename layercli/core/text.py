"""Text among tensors: arrays of strings, whose dtype in a Spec is "string". NumPy holds them; torch has no such tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core import dtypes
from layercli.core.types import DTypeLike, Tensor
from layercli.errors import DTypeError, UsageError

if TYPE_CHECKING:
    import numpy as np

STRING = "string"
"""The dtype of text in a Spec. It has no size in bytes."""


def spec_dtype(dtype: DTypeLike) -> str:
    """Return the name of the dtype of a Spec, text included; DTypeError for other names."""
    return STRING if isinstance(dtype, str) and dtype == STRING else dtypes.name_of(dtype)


def is_text(x: object) -> bool:
    """Whether ``x`` is an array that can hold text: of str, bytes or Python objects."""
    return getattr(getattr(x, "dtype", None), "kind", "") in ("U", "S", "O")


def holds_text(x: object) -> bool:
    """Whether ``x`` is text, or nested lists that begin with text."""
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    return isinstance(x, (str, bytes))


def text_array(x: object, encoding: str = "utf-8") -> np.ndarray:
    """Return text as an array of str objects; bytes are decoded. UsageError for other values."""
    import numpy as np

    try:
        array = np.array(x, dtype=object)
        flat = [each.decode(encoding) if isinstance(each, bytes) else each for each in array.ravel().tolist()]
    except UnicodeDecodeError as error:
        raise UsageError(f"expects text in {encoding}, got bytes that are none: {error.reason}") from None
    for each in flat:
        if not isinstance(each, str):
            fault = "lists of different lengths" if isinstance(each, list) else repr(each)
            raise UsageError(f"expects text, got {fault}")
    out = np.empty(len(flat), dtype=object)
    out[:] = flat
    return out.reshape(array.shape)


def only_text(x: Tensor) -> Any:
    """Return an array of text, or a symbolic tensor of it; DTypeError for numbers."""
    if is_text(x) or getattr(x, "dtype", None) == STRING:
        return x
    raise DTypeError(f"expects text, got numbers of the shape {tuple(x.shape)}")
