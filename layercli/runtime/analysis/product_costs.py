"""Multiply-accumulates of torch operations as functions of shapes: products, convolutions, attention, recurrences.

A fused kernel costs as much as the operations it replaces. A cost that depends on values is unknown (None), not 0.
"""

from __future__ import annotations

from typing import Any

from layercli.runtime.analysis import attention_costs, convolution_costs, matrix_costs, recurrence_costs
from layercli.runtime.analysis.cost_registry import PRODUCT_COSTS, Arguments
from layercli.runtime.analysis.uncounted_products import UNKNOWN_PRODUCTS

__all__ = ["attention_costs", "convolution_costs", "matrix_costs", "product_cost", "recurrence_costs"]
# importing a module of costs registers them


def product_cost(func: Any, args: Arguments, out: Any) -> int | None:
    """Return the multiply-accumulates of one operation call; 0 for an operation without products, None if unknown."""
    name = func.name().partition(".")[0]
    cost = PRODUCT_COSTS.get(name)
    if cost is None:
        return None if name in UNKNOWN_PRODUCTS else 0
    macs = cost(args, out)
    return None if macs is None else int(macs)
