"""Dtype policies: the dtypes of computations and variables, as in Keras's ``mixed_precision``.

>>> policy = Policy("mixed_bfloat16")
>>> policy.compute_dtype, policy.variable_dtype
('bfloat16', 'float32')
"""

from __future__ import annotations

from typing import Any

from layercli.core.dtypes import Policy as _Policy
from layercli.core.dtypes import default_policy as dtype_policy
from layercli.core.dtypes import set_default_policy as set_dtype_policy
from layercli.optimizers import LossScaleOptimizer

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]


def Policy(name: Any) -> _Policy:
    """Return the dtype policy of that name: a dtype, ``mixed_float16`` or ``mixed_bfloat16``. Raises DTypeError for another."""
    return _Policy.named(name)


DTypePolicy, global_policy, set_global_policy = Policy, dtype_policy, set_dtype_policy
