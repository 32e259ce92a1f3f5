"""Dtype policies: the dtypes of computations and variables, as in Keras's ``mixed_precision``.

>>> policy = Policy("mixed_bfloat16")
>>> policy.compute_dtype, policy.variable_dtype
('bfloat16', 'float32')
"""

from __future__ import annotations

from layercli.core.dtypes import DTypePolicy
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

Policy, global_policy, set_global_policy = DTypePolicy, dtype_policy, set_dtype_policy
