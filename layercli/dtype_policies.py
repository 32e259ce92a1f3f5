"""Dtype policies: the dtypes of the computations and of the variables of layers, as in Keras's ``dtype_policies``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.dtype_policy_map import DTypePolicyMap
from layercli.core.dtypes import DTypePolicy, default_policy
from layercli.core.policy_config import deserialize, serialize
from layercli.core.quantized_policies import (
    AWQDTypePolicy,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)
from layercli.core.refusals import refused

__all__ = [
    "AWQDTypePolicy", "DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy",
    "GPTQDTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "deserialize",
    "get", "serialize",
]  # fmt: skip

FloatDTypePolicy = DTypePolicy


def get(identifier: Any) -> DTypePolicy:
    """Return the policy of a name, a dtype, plain data or a policy; the global one for None. DTypeError for another."""
    if identifier is None:
        return default_policy()
    return deserialize(identifier) if isinstance(identifier, Mapping) else DTypePolicy.named(identifier)


def __getattr__(name: str) -> Any:
    return refused(__name__, name)
