"""Loops of as many steps as are known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core.dims import Dim, Size
from layercli.core.symbolic import SymbolicTensor
from layercli.errors import UsageError


def fori_loop(lower: Size, upper: Size, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """Return the last of value = body_fun(i, value) for i from ``lower`` up to but not including ``upper``, two whole numbers.

    Each step is an operation of its own: of symbolic tensors, of a compiled graph, of the cost.
    """
    for end in (lower, upper):
        if isinstance(end, (Dim, SymbolicTensor)):
            raise UsageError(f"fori_loop expects to know its steps beforehand, got {end}")
    value = init_val
    for i in range(lower, upper):
        value = body_fun(i, value)
    return value
