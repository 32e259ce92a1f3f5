"""Dtype policies as plain data, by Keras's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.dtype_policy_map import DTypePolicyMap
from layercli.core.dtypes import DTypePolicy
from layercli.core.quantized_policies import (
    AWQDTypePolicy,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)
from layercli.errors import UsageError, nearest

CLASSES: dict[str, type[DTypePolicy]] = {
    "FloatDTypePolicy": DTypePolicy,
    **{
        kind.__name__: kind
        for kind in (
            DTypePolicy,
            DTypePolicyMap,
            AWQDTypePolicy,
            GPTQDTypePolicy,
            Int4DTypePolicy,
            QuantizedDTypePolicy,
            QuantizedFloat8DTypePolicy,
        )
    },
}
"""The policies that a config may name."""


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return a policy as plain data by Keras's names.

    >>> serialize(DTypePolicy("float16"))["config"]
    {'name': 'float16'}
    """
    kind = type(dtype_policy)
    return {
        "module": "keras" if kind is DTypePolicy else "keras.dtype_policies",
        "class_name": kind.__name__,
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """Return the policy of plain data; UsageError for that of another class."""
    name = config.get("class_name", "")
    kind = (custom_objects or {}).get(name) or CLASSES.get(name)
    if kind is None:
        raise UsageError(f"there is no dtype policy {name!r}", hint=nearest(name, [*CLASSES]))
    return kind.from_config(config["config"])
