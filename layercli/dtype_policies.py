"""Dtype policies: the dtypes of the computations and of the variables of layers, as in Keras's ``dtype_policies``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.dtypes import DTypePolicy, default_policy
from layercli.core.refusals import refused
from layercli.errors import UsageError

__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]

FloatDTypePolicy = DTypePolicy


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return a policy as plain data by Keras's names.

    >>> serialize(DTypePolicy("float16"))["config"]
    {'name': 'float16'}
    """
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """Return the policy of plain data; UsageError for that of another class."""
    own = (custom_objects or {}).get(config.get("class_name", ""))
    if own is None and config.get("class_name") not in ("DTypePolicy", "FloatDTypePolicy"):
        raise UsageError(f"there is no dtype policy {config.get('class_name')!r}, only DTypePolicy")
    made: DTypePolicy = (own or DTypePolicy).from_config(config["config"])
    return made


def get(identifier: Any) -> DTypePolicy:
    """Return the policy of a name, a dtype, plain data or a policy; the global one for None. DTypeError for another."""
    if identifier is None:
        return default_policy()
    return deserialize(identifier) if isinstance(identifier, Mapping) else DTypePolicy.named(identifier)


def __getattr__(name: str) -> Any:
    return refused(__name__, name)
