"""The table of the costs of operations with products, and what the functions in it read from arguments and results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

Arguments: TypeAlias = tuple[Any, ...]
"""The arguments of an operation: tensors, numbers and packed weights."""


Cost = Callable[[Arguments, "torch.Tensor"], int | None]
"""A function of the arguments and the result of an operation; None if the shapes do not determine the cost."""


PRODUCT_COSTS: dict[str, Cost] = {}
"""The cost of each operation that multiplies, by its name without the overload: ``aten::mm``."""


def costs(*names: str) -> Callable[[Cost], Cost]:
    """Register a function as the cost of the named operations."""

    def register(cost: Cost) -> Cost:
        PRODUCT_COSTS.update(dict.fromkeys(names, cost))
        return cost

    return register


def first_of(out: object) -> Any:
    """Return the result, the first of several."""
    return out[0] if isinstance(out, (tuple, list)) else out


def values_held(x: Tensor) -> int | None:
    """Return the number of stored values of a sparse tensor; None for a dense one."""
    if x.layout is torch.strided or x.layout is torch._mkldnn:  # type: ignore[attr-defined]  # not in its stubs
        return None
    return int((x._values() if x.layout is torch.sparse_coo else x.values()).numel())


def unpacked(packed: Any) -> Any:
    """Return the packed weights of a quantized layer."""
    weight, _ = packed.unpack()
    return weight
