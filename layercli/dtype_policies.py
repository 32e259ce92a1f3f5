"""Dtype policies: the dtypes of the computations and of the variables of layers, as in Keras's ``dtype_policies``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.dtypes import DTypePolicy, default_policy
from layercli.core.quantized_policies import Int4DTypePolicy, QuantizedDTypePolicy, QuantizedFloat8DTypePolicy
from layercli.core.refusals import refused
from layercli.errors import UsageError, nearest

__all__ = [
    "DTypePolicy", "FloatDTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy",
    "deserialize", "get", "serialize",
]  # fmt: skip

FloatDTypePolicy = DTypePolicy

CLASSES: dict[str, type[DTypePolicy]] = {
    "FloatDTypePolicy": DTypePolicy,
    **{
        kind.__name__: kind for kind in (DTypePolicy, Int4DTypePolicy, QuantizedDTypePolicy, QuantizedFloat8DTypePolicy)
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
    made: DTypePolicy = kind.from_config(config["config"])
    return made


def get(identifier: Any) -> DTypePolicy:
    """Return the policy of a name, a dtype, plain data or a policy; the global one for None. DTypeError for another."""
    if identifier is None:
        return default_policy()
    return deserialize(identifier) if isinstance(identifier, Mapping) else DTypePolicy.named(identifier)


def __getattr__(name: str) -> Any:
    return refused(__name__, name)
