"""The data of a user as tensors: arrays, nested lists and trees of them, without copies where possible."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from layercli.core import text, tree
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.runtime.execution import tensors

# torch warns of arrays that are read-only, which are never written to; a filter set for the length of one call would change
# those of other threads.
warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)


def tensors_of(values: object) -> Any:
    """Convert a tree of arrays, tensors and nested lists to tensors, without copies where possible."""
    if values is None or isinstance(values, torch.Tensor):
        return values
    if isinstance(values, Mapping):
        return {key: tensors_of(value) for key, value in values.items()}
    if isinstance(values, list | tuple) and not tensors.is_array(values) and not text.holds_text(values):
        return type(values)(tensors_of(value) for value in values)
    return tensor_of(values)


def numbers_of(values: object) -> Any:
    """Convert a tree to tensors, as ``tensors_of``; UsageError for text, which no loss takes."""
    found = tensors_of(values)
    for each in tree.flatten(found):
        if text.is_text(each):
            raise UsageError("the data holds text, which is not numeric")
    return found


def tensor_of(values: Any) -> Tensor | np.ndarray:
    """Convert an array or nested lists of numbers to a tensor, text to an array; read-only arrays are never written to."""
    if text.holds_text(values) or text.holds_text(values.ravel()[:1].tolist() if text.is_text(values) else None):
        return text.text_array(values)
    array = np.asarray(values)
    if array.dtype.kind not in "biufc":
        raise UsageError(f"the data holds {array.dtype}, which is not numeric")
    if any(stride < 0 for stride in array.strides) or not array.dtype.isnative:
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    return torch.from_numpy(array)
