"""The types of arguments and results: tensors, what is accepted in place of one, shapes, dtypes and configs.

Annotations use them; nothing is imported at run time but this module, so that looking at a model stays free of torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import torch

    from layercli.core.dims import Size
    from layercli.core.keras_tensor import SymbolicTensor
    from layercli.core.variable import Variable

Tensor: TypeAlias = "torch.Tensor"
"""A tensor. In a symbolic call a symbolic tensor stands for it, which has the methods and attributes of a torch tensor."""

TensorLike: TypeAlias = "torch.Tensor | SymbolicTensor | Variable | np.ndarray | Sequence[object] | complex"
"""What an operation takes for a tensor: tensors, variables, arrays, nested lists and numbers."""

ShapeLike: TypeAlias = "Sequence[Size | str | None]"
"""A shape as users write it: integers, None for an unknown size, text for a named one."""

DTypeLike: TypeAlias = "str | type | torch.dtype | np.dtype"
"""A dtype: its name, or the object of NumPy or PyTorch."""

PathLike: TypeAlias = "str | os.PathLike[str]"
"""The path of a file or a folder."""

Config: TypeAlias = dict[str, Any]
"""The arguments that make an object, by name, as plain values: what ``get_config`` returns and ``from_config`` takes."""

ConfigLike: TypeAlias = Mapping[str, Any]
"""A config that is only read."""

JSONObject: TypeAlias = dict[str, Any]
"""A JSON object: text, numbers, booleans, None, lists and objects by name."""

TensorTree: TypeAlias = (
    "Tensor | SymbolicTensor | Variable | np.ndarray | Sequence[TensorTree] | Mapping[str, TensorTree] | None"
)
"""A tensor, or nested lists, tuples and dicts of tensors, as layers take and return them."""

Tree: TypeAlias = Any
"""Nested lists, tuples and dicts of any leaves, for functions that keep the structure."""
